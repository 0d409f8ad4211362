// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "async/completion.h"

namespace hekto::async {

/// A few threads for what blocks or computes long: disk, image encoding, database reads. Any thread may submit.
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads) : pool_(threads) {}
  ~BlockingPool() { pool_.join(); }

  /// Runs `work` on a pool thread and returns its result on the caller's thread. `work` must not throw.
  template <class F, class T = std::invoke_result_t<F>>
  Task<T> run(F work) {
    return complete<T>([this, work = std::move(work)](Completer<T> done) mutable {
      boost::asio::post(pool_, [work = std::move(work), done = std::move(done)]() mutable { done(work()); });
    });
  }

 private:
  boost::asio::thread_pool pool_;
};

}  // namespace hekto::async
