// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "async/task.h"

namespace hekto::async {

/// N threads, each running an io_context of its own; whatever starts on one stays there.
class IoThreads {
 public:
  explicit IoThreads(std::size_t count);
  ~IoThreads();  ///< stop(), then join()
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  std::size_t count() const { return contexts_.size(); }
  boost::asio::io_context& context(std::size_t i) { return *contexts_[i]; }
  /// Round robin. Any thread.
  Executor next();

  void start();
  /// Lets every context run out of work, then joins the threads.
  void join();
  /// Ends the loops at once, with work left behind; for the second signal.
  void stop();

 private:
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
  std::vector<boost::asio::executor_work_guard<Executor>> guards_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace hekto::async
