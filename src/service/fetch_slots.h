// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "async/stop.h"
#include "async/task.h"
#include "base/error.h"
#include "base/text.h"

namespace hekto::service {

/// Bounds what is fetched at once, in all and from one host, so that neither this server nor one far away is overrun by
/// it. Whoever waits is served in order of arrival, but never held up by others who wait for another host. Any thread.
class FetchSlots {
 public:
  FetchSlots(std::size_t in_all, std::size_t per_host) : in_all_(in_all), per_host_(per_host) {}

  /// Given back when it goes. Must not outlive its FetchSlots.
  class Slot {
   public:
    Slot(FetchSlots& slots, std::string host) : slots_(&slots), host_(std::move(host)) {}
    Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)), host_(std::move(other.host_)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (slots_ != nullptr) slots_->release(host_);
    }

   private:
    FetchSlots* slots_;
    std::string host_;
  };

  /// Waits for a free slot; canceled when `stop` is requested first.
  async::Task<Result<Slot>> take(std::string host, async::StopToken stop);
  std::size_t waiting() const;

 private:
  struct Waiter {
    std::string host;
    async::StopToken wake;  // requested when the slot is this one's, or when it is no longer wanted
    bool granted = false;
  };
  bool try_take(const std::string& host);
  void release(const std::string& host);

  const std::size_t in_all_;
  const std::size_t per_host_;
  mutable std::mutex mutex_;
  std::size_t used_ = 0;                                                               // guarded by mutex_
  std::unordered_map<std::string, std::size_t, StringHash, std::equal_to<>> per_use_;  // guarded by mutex_
  std::list<Waiter> waiting_;                                                          // guarded by mutex_
};

}  // namespace hekto::service
