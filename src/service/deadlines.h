// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/time.h"
#include "ports/clock.h"

namespace hekto::service {

/// Remembers which predictions must have ended by when (Cancel-After) and tells which are due. Any thread.
class Deadlines {
 public:
  void add(Time deadline, std::string id);
  /// Removes and returns what is due at `now`, earliest first.
  std::vector<std::string> take_due(Time now);

 private:
  using Item = std::pair<Time, std::string>;
  std::mutex mutex_;
  std::priority_queue<Item, std::vector<Item>, std::greater<>> items_;  // guarded by mutex_
};

}  // namespace hekto::service
