// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include "async/task.h"

namespace hekto::async {

/// Called exactly once, from any thread, with the result that a waiting task is to get. Dropping it uncalled would
/// leave the task waiting for ever.
template <class T>
using Completer = std::move_only_function<void(T)>;

/// Hands `start` a Completer and suspends until it was called; resumes on `executor`, the task's own.
/// The bridge from other threads (store writer, pools) to io threads.
template <class T>
Task<T> complete_on(Executor executor, std::move_only_function<void(Completer<T>)> start) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>&, void(T)>(
      [executor](auto handler, std::move_only_function<void(Completer<T>)> begin) {
        begin([executor, h = std::move(handler)](T value) mutable {
          boost::asio::post(executor,
                            [h = std::move(h), v = std::move(value)]() mutable { std::move(h)(std::move(v)); });
        });
      },
      use_task, std::move(start));
}

/// The same on the executor of the calling task.
template <class T>
Task<T> complete(std::move_only_function<void(Completer<T>)> start) {
  Executor executor = co_await boost::asio::this_coro::executor;
  co_return co_await complete_on<T>(executor, std::move(start));
}

}  // namespace hekto::async
