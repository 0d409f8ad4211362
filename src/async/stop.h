// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "async/task.h"
#include "base/time.h"

namespace hekto::async {

/// A request to stop that can be asked, waited for and passed down. Copies share one state; any thread.
class StopToken {
 public:
  StopToken() : state_(std::make_shared<State>()) {}

  void request_stop();
  bool stop_requested() const;

  /// Suspends the calling task for `span`; true when the whole span passed, false when a stop came first or had come
  /// before. The one way to wait in product code.
  Task<bool> sleep_for(Duration span) const;

 private:
  friend class StopCallback;
  struct State {
    std::mutex mutex;
    bool stopped = false;                      // guarded by mutex
    std::list<std::function<void()>> on_stop;  // guarded by mutex; called once, without the lock held
  };
  std::shared_ptr<State> state_;
};

/// Calls `callback` once when the token is asked to stop, on the thread that asks; at once when it was before. No call
/// begins after the destructor, but one may still be under way on another thread: what it touches must outlive that.
class StopCallback {
 public:
  StopCallback(const StopToken& token, std::function<void()> callback);
  ~StopCallback();
  StopCallback(const StopCallback&) = delete;
  StopCallback& operator=(const StopCallback&) = delete;

 private:
  std::shared_ptr<StopToken::State> state_;
  std::list<std::function<void()>>::iterator entry_;
};

}  // namespace hekto::async
