// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "async/completion.h"
#include "base/error.h"
#include "store/sqlite/database.h"

namespace hekto::store {

/// A few threads, each with a read-only connection. A read begins after it was asked for, so it sees every change
/// whose caller had its answer by then.
class ReaderPool {
 public:
  /// One thread a connection; at least one.
  ReaderPool(std::vector<Connection> connections, std::size_t queue_limit);
  /// Does what is queued, then ends the threads.
  ~ReaderPool();
  ReaderPool(const ReaderPool&) = delete;
  ReaderPool& operator=(const ReaderPool&) = delete;

  /// Runs `work` on one of the threads; the result arrives on the caller's executor. A DatabaseFault that leaves `work`
  /// becomes `storage`, any other exception `internal`. unavailable at once when the queue is full. Any thread.
  template <class T>
  async::Task<Result<T>> run(std::move_only_function<Result<T>(Connection&)> work) {
    return async::complete<Result<T>>([this, work = std::move(work)](async::Completer<Result<T>> done) mutable {
      // Shared by the two ways in which this can end; only one of them is taken.
      auto answer = std::make_shared<async::Completer<Result<T>>>(std::move(done));
      const bool queued = submit([work = std::move(work), answer](Connection& connection) mutable {
        std::optional<Result<T>> result;
        const auto error = guard([&] { result.emplace(work(connection)); });
        (*answer)(error ? Result<T>(std::unexpected(*error)) : std::move(*result));
      });
      if (!queued) (*answer)(fail(ErrorCode::unavailable, "too many reads are waiting for the store"));
    });
  }

 private:
  using Job = std::move_only_function<void(Connection&)>;

  bool submit(Job job);
  void loop(Connection& connection);
  static std::optional<Error> guard(const std::function<void()>& work);

  std::vector<Connection> connections_;
  const std::size_t queue_limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;  // guarded by mutex_
  bool closing_ = false;   // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace hekto::store
