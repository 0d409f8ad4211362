// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "async/stop.h"
#include "async/task.h"
#include "base/error.h"
#include "runners/replicate/upstream_client.h"

namespace hekto::runners::replicate {

/// Models that accounts at upstreams keep for ours: a training there needs a destination there. Made when the first
/// training needs one, private, and remembered. Any thread.
class TrainingModels {
 public:
  /// Outlives this.
  explicit TrainingModels(UpstreamClient& client) : client_(client) {}

  /// "owner/name" of the model that stands for `destination` with this account. invalid_input, in words for the client:
  /// the upstream refuses to have one; any other error: to be tried again.
  async::Task<Result<std::string>> model_for(AccountPtr account, std::string destination, async::StopToken stop);

 private:
  async::Task<Result<std::string>> owner_at(AccountPtr account, async::StopToken stop);

  static constexpr std::size_t kKept = 10'000;
  UpstreamClient& client_;
  std::mutex mutex_;
  std::map<std::string, std::string> owners_;  // guarded by mutex_; by "upstream/account"
  std::map<std::string, std::string> made_;    // guarded by mutex_; by "upstream/account/" and destination
};

}  // namespace hekto::runners::replicate
