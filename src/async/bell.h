// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>

#include "async/stop.h"
#include "async/task.h"
#include "base/time.h"

namespace hekto::async {

/// Wakes one task from any thread. A ring that nobody waits for is kept for the next wait; several become one.
class Bell {
 public:
  /// Any thread; does not block.
  void ring();
  /// Suspends until it rings (true; at once when it has) or `limit` passes (false). One task at a time.
  Task<bool> wait(Duration limit);

 private:
  std::mutex mutex_;
  bool rung_ = false;                // guarded by mutex_
  std::optional<StopToken> asleep_;  // guarded by mutex_: of the task that waits
};

}  // namespace hekto::async
