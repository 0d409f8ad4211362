// SPDX-License-Identifier: Apache-2.0
#include "service/fetch_slots.h"

#include <chrono>
#include <optional>

namespace hekto::service {

async::Task<Result<FetchSlots::Slot>> FetchSlots::take(std::string host, async::StopToken stop) {
  std::list<Waiter>::iterator self;
  async::StopToken wake;
  {
    std::scoped_lock lock(mutex_);
    if (stop.stop_requested()) co_return fail(ErrorCode::canceled, "stopped while waiting to fetch");
    if (try_take(host)) co_return Slot(*this, std::move(host));
    waiting_.push_back({host, wake, false});
    self = std::prev(waiting_.end());
  }
  {
    const async::StopCallback on_stop(stop, [wake]() mutable { wake.request_stop(); });
    while (co_await wake.sleep_for(std::chrono::hours(1))) {
    }
  }
  std::scoped_lock lock(mutex_);
  const bool granted = self->granted;
  waiting_.erase(self);
  if (!granted) co_return fail(ErrorCode::canceled, "stopped while waiting to fetch");
  co_return Slot(*this, std::move(host));
}

bool FetchSlots::try_take(const std::string& host) {
  if (used_ >= in_all_) return false;
  auto& used = per_use_[host];
  if (used >= per_host_) return false;
  ++used, ++used_;
  return true;
}

void FetchSlots::release(const std::string& host) {
  std::optional<async::StopToken> next;
  {
    std::scoped_lock lock(mutex_);
    --used_;
    if (const auto found = per_use_.find(host); --found->second == 0) per_use_.erase(found);
    // One slot became free: at most one waiter can go.
    for (auto& waiter : waiting_) {
      if (waiter.granted || !try_take(waiter.host)) continue;
      waiter.granted = true;
      next = waiter.wake;
      break;
    }
  }
  if (next) next->request_stop();
}

std::size_t FetchSlots::waiting() const {
  std::scoped_lock lock(mutex_);
  return waiting_.size();
}

}  // namespace hekto::service
