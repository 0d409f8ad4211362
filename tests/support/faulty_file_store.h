// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ports/file_store.h"
#include "tests/support/fault_plan.h"

namespace hekto::test {

/// Passes every call to another file store, but for those that its plan lets go wrong. Methods go by their names.
class FaultyFileStore final : public ports::FileStore {
 public:
  /// `inner` outlives this.
  explicit FaultyFileStore(ports::FileStore& inner) : inner_(inner) {}
  FaultPlan& plan() { return plan_; }

  async::Task<Result<ports::FileKey>> put(std::string owner, std::string bytes) override {
    return plan_.pass("put", inner_.put(std::move(owner), std::move(bytes)));
  }
  async::Task<Result<std::shared_ptr<ports::IncomingFile>>> receive(std::string owner) override {
    return plan_.pass("receive", inner_.receive(std::move(owner)));
  }
  async::Task<Result<std::shared_ptr<ports::StoredFile>>> open(ports::FileKey key) override {
    return plan_.pass("open", inner_.open(std::move(key)));
  }
  async::Task<Result<void>> remove(ports::FileKey key) override {
    return plan_.pass("remove", inner_.remove(std::move(key)));
  }
  async::Task<Result<std::vector<ports::StoredFileInfo>>> list(Time before, std::size_t limit) override {
    return plan_.pass("list", inner_.list(before, limit));
  }

 private:
  ports::FileStore& inner_;
  FaultPlan plan_;
};

}  // namespace hekto::test
