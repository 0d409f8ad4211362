// SPDX-License-Identifier: Apache-2.0
#include "async/bell.h"

#include <utility>

namespace hekto::async {

void Bell::ring() {
  std::optional<StopToken> asleep;
  {
    std::scoped_lock lock(mutex_);
    rung_ = true;
    asleep = std::exchange(asleep_, std::nullopt);
  }
  if (asleep) asleep->request_stop();
}

Task<bool> Bell::wait(Duration limit) {
  StopToken wake;
  {
    std::scoped_lock lock(mutex_);
    if (std::exchange(rung_, false)) co_return true;
    asleep_ = wake;
  }
  co_await wake.sleep_for(limit);
  std::scoped_lock lock(mutex_);
  asleep_.reset();
  co_return std::exchange(rung_, false);
}

}  // namespace hekto::async
