// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "ports/clock.h"
#include "ports/store.h"

namespace hekto::service {

/// What an operator does about submissions to upstreams of which nobody can tell whether they were taken. Any thread.
class Submissions {
 public:
  /// Everything outlives this.
  Submissions(ports::Store& store, const ports::Clock& clock) : store_(store), clock_(clock) {}

  struct Item {
    domain::Prediction prediction;  ///< failed; `submission` says when it was sent, and where
    std::string account_name;       ///< of the owner here
  };
  /// Those that nobody has seen to, newest first.
  async::Task<Result<std::vector<Item>>> unknown(std::size_t limit);
  /// Takes one off that list: an operator has looked it up at the upstream. Nothing else of the prediction changes.
  /// not_found when there is no such prediction, or nothing to see to.
  async::Task<Result<void>> settle(std::string prediction_id);

 private:
  ports::Store& store_;
  const ports::Clock& clock_;
};

}  // namespace hekto::service
