// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "async/task.h"
#include "base/time.h"

namespace hekto::ports {

/// Hints that a prediction changed. At most once: a hint may be lost, so whoever waits re-reads the prediction after
/// every wake-up and every time-out. The store is the truth.
class EventBus {
 public:
  /// Belongs to one task; used on that task's thread only. Ends its subscription when destroyed.
  class Subscription {
   public:
    virtual ~Subscription() = default;
    /// Suspends until a hint comes (true; at once when one came since the last wait) or `limit` passes (false).
    virtual async::Task<bool> wait(Duration limit) = 0;
  };

  virtual ~EventBus() = default;
  /// Says that `prediction_id` changed. Any thread; does not block.
  virtual void publish(std::string_view prediction_id) = 0;
  /// Subscribe first, read second: then no change falls between. `executor` is the calling task's own.
  virtual std::unique_ptr<Subscription> subscribe(std::string_view prediction_id, async::Executor executor) = 0;
};

}  // namespace hekto::ports
