// SPDX-License-Identifier: Apache-2.0
#include "async/task_scope.h"

#include <cassert>
#include <exception>

#include <boost/asio/co_spawn.hpp>

#include "base/log.h"

namespace hekto::async {

TaskScope::~TaskScope() { assert(count_ == 0 && "a task outlives its scope"); }

bool TaskScope::spawn(Executor executor, Task<void> task) {
  {
    std::scoped_lock lock(mutex_);
    if (closed_) return false;
    ++count_;
  }
  boost::asio::co_spawn(executor, std::move(task), [this](std::exception_ptr fault) {
    if (fault) {
      try {
        std::rethrow_exception(fault);
      } catch (const std::exception& e) {
        log::error("task ended by an exception", {{"scope", name_}, {"what", e.what()}});
      } catch (...) {
        log::error("task ended by an exception", {{"scope", name_}});
      }
    }
    finished();
  });
  return true;
}

void TaskScope::close() {
  {
    std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  stop_.request_stop();
}

bool TaskScope::wait_blocking(Duration limit) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, limit, [this] { return count_ == 0; });
}

std::size_t TaskScope::size() const {
  std::scoped_lock lock(mutex_);
  return count_;
}

void TaskScope::finished() {
  std::scoped_lock lock(mutex_);
  // Notified under the lock: the waiter may destroy this scope as soon as it can take the lock.
  if (--count_ == 0) idle_.notify_all();
}

}  // namespace hekto::async
