// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "async/task.h"

namespace hekto::test {

/// Lends out io_contexts and keeps them to the end of the process: the thread that completed a task may still be inside
/// post() when the task has ended, so its context must not go then.
class ContextPool {
 public:
  static ContextPool& instance() {
    static ContextPool pool;
    return pool;
  }
  std::unique_ptr<boost::asio::io_context> take() {
    std::scoped_lock lock(mutex_);
    if (idle_.empty()) return std::make_unique<boost::asio::io_context>(1);
    auto context = std::move(idle_.back());
    idle_.pop_back();
    return context;
  }
  void give_back(std::unique_ptr<boost::asio::io_context> context) {
    context->restart();
    std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(context));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<boost::asio::io_context>> idle_;  // guarded by mutex_
};

/// Runs `task` to its end on an io_context that it has for itself and returns what it returns, or throws what it
/// throws. Blocks the calling thread, which is the task's thread meanwhile; not to be called from within a task.
template <class T>
T run_task(async::Task<T> task) {
  auto context = ContextPool::instance().take();
  auto future = boost::asio::co_spawn(*context, std::move(task), boost::asio::use_future);
  context->run();
  ContextPool::instance().give_back(std::move(context));
  return future.get();
}

}  // namespace hekto::test
