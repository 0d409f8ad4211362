// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "files/disk/draft.h"
#include "files/disk/posix.h"
#include "ports/file_store.h"

namespace hekto::files {

/// ports::FileStore in a local folder: <folder>/<last two characters of owner>/<owner>-<sha256>. A file is written
/// under <folder>/tmp, synced, renamed to its name, and its folder synced, so that a name always stands for whole
/// content. Nothing outside the folder is ever touched: names are checked against their pattern and links are not
/// followed.
class DiskFileStore final : public ports::FileStore {
 public:
  /// Creates the folder (mode 0700) when it is missing and removes what an earlier process left in tmp, so one process
  /// at a time: the lock on the data folder sees to that. All disk work is done on `pool`, which must outlive the store
  /// and every file opened from it. storage when the file system refuses.
  static Result<std::unique_ptr<DiskFileStore>> open(const std::filesystem::path& folder, async::BlockingPool& pool);

  /// Storing again what is there counts as a new modification, so that a sweep does not take the file for an old one.
  async::Task<Result<ports::FileKey>> put(std::string owner, std::string bytes) override;
  async::Task<Result<std::shared_ptr<ports::IncomingFile>>> receive(std::string owner) override;
  async::Task<Result<std::shared_ptr<ports::StoredFile>>> open(ports::FileKey key) override;
  async::Task<Result<void>> remove(ports::FileKey key) override;
  async::Task<Result<std::vector<ports::StoredFileInfo>>> list(Time before, std::size_t limit) override;

 private:
  class Incoming;
  DiskFileStore(Descriptor root, Descriptor unfinished, async::BlockingPool& pool)
      : root_(std::move(root)), unfinished_(std::move(unfinished)), pool_(pool) {}

  Result<ports::FileKey> put_now(const std::string& owner, const std::string& bytes);
  Result<std::shared_ptr<ports::StoredFile>> open_now(const ports::FileKey& key);
  Result<void> remove_now(const ports::FileKey& key);
  Result<std::vector<ports::StoredFileInfo>> list_now(Time before, std::size_t limit);
  Result<Descriptor> shard_for_writing(const std::string& name);
  /// Makes `draft` durable under the name of `key`, unless that is there already.
  Result<void> publish(Draft& draft, const ports::FileKey& key);

  const Descriptor root_;
  const Descriptor unfinished_;
  async::BlockingPool& pool_;
  std::mutex shards_mutex_;
  std::set<std::string> synced_shards_;  // guarded by shards_mutex_: those whose own name is known to be on the disk
  std::mutex sweep_mutex_;
  std::string sweep_position_;  // guarded by sweep_mutex_: the file at which the last list() stopped
};

}  // namespace hekto::files
