// SPDX-License-Identifier: Apache-2.0
#include "async/stop.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace hekto::async {

using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

void StopToken::request_stop() {
  std::list<std::function<void()>> callbacks;
  {
    std::scoped_lock lock(state_->mutex);
    if (state_->stopped) return;
    state_->stopped = true;
    callbacks.swap(state_->on_stop);
  }
  for (auto& callback : callbacks) callback();
}

bool StopToken::stop_requested() const {
  std::scoped_lock lock(state_->mutex);
  return state_->stopped;
}

Task<bool> StopToken::sleep_for(Duration span) const {
  // The state outlives the caller's token, whose lifetime says nothing about this task's.
  const auto state = state_;
  const Executor executor = co_await boost::asio::this_coro::executor;
  auto timer = std::make_shared<Timer>(executor, span);
  std::list<std::function<void()>>::iterator entry;
  {
    std::scoped_lock lock(state->mutex);
    if (state->stopped) co_return false;
    // A timer may only be touched on its own thread, hence the post.
    state->on_stop.push_front([timer, executor] { boost::asio::post(executor, [timer] { timer->cancel(); }); });
    entry = state->on_stop.begin();
  }
  boost::system::error_code canceled;
  co_await timer->async_wait(boost::asio::redirect_error(use_task, canceled));
  std::scoped_lock lock(state->mutex);
  if (state->stopped) co_return false;
  state->on_stop.erase(entry);
  co_return true;
}

StopCallback::StopCallback(const StopToken& token, std::function<void()> callback) : state_(token.state_) {
  {
    std::scoped_lock lock(state_->mutex);
    if (!state_->stopped) {
      state_->on_stop.push_front(std::move(callback));
      entry_ = state_->on_stop.begin();
      return;
    }
  }
  callback();
}

StopCallback::~StopCallback() {
  std::scoped_lock lock(state_->mutex);
  // Once stopped, the list belongs to whoever asked.
  if (!state_->stopped) state_->on_stop.erase(entry_);
}

}  // namespace hekto::async
