// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ports/file_store.h"

namespace hekto::test {

/// ports::FileStore in memory. `now` gives the modification times; by default the system clock.
class MemoryFileStore final : public ports::FileStore {
 public:
  explicit MemoryFileStore(std::function<Time()> now = {});

  async::Task<Result<ports::FileKey>> put(std::string owner, std::string bytes) override;
  async::Task<Result<std::shared_ptr<ports::IncomingFile>>> receive(std::string owner) override;
  async::Task<Result<std::shared_ptr<ports::StoredFile>>> open(ports::FileKey key) override;
  async::Task<Result<void>> remove(ports::FileKey key) override;
  async::Task<Result<std::vector<ports::StoredFileInfo>>> list(Time before, std::size_t limit) override;

  /// How many files there are. Any thread.
  std::size_t size() const;

 private:
  struct Entry {
    std::shared_ptr<const std::string> bytes;
    Time modified_at{};
  };
  using Place = std::pair<std::string, std::string>;  // owner, sha256

  const std::function<Time()> now_;
  mutable std::mutex mutex_;
  std::map<Place, Entry> files_;  // guarded by mutex_
  Place position_;                // guarded by mutex_: where the last list() stopped
};

}  // namespace hekto::test
