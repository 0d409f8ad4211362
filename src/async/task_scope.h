// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>

#include "async/stop.h"
#include "async/task.h"

namespace hekto::async {

/// Owns what was started and not awaited. Tasks are spawned into it and it knows when the last one ended; nothing in
/// the product is detached. Any thread.
class TaskScope {
 public:
  /// `name` appears in the log line of a task that threw.
  explicit TaskScope(std::string name) : name_(std::move(name)) {}
  /// Everything must have ended: call close() and wait_blocking() first.
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  /// Starts `task` on `executor`. False, with the task dropped, after close(). An exception that leaves the task is
  /// logged and ends only that task.
  bool spawn(Executor executor, Task<void> task);

  /// Refuses newcomers and asks `stop()` of all who look at it.
  void close();
  const StopToken& stop() const { return stop_; }
  /// Blocks until the last task ended, or `limit` passed (false). Never call on an io thread.
  bool wait_blocking(Duration limit);
  std::size_t size() const;

 private:
  void finished();

  std::string name_;
  StopToken stop_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t count_ = 0;  // guarded by mutex_
  bool closed_ = false;    // guarded by mutex_
};

}  // namespace hekto::async
