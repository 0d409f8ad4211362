// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "async/task.h"

namespace hekto::async {

/// Runs `task` on `executor`, whose thread must be another than the caller's, and blocks until it ended. For start-up,
/// shutdown and command-line programs.
template <class T>
T run_blocking(Executor executor, Task<T> task) {
  return boost::asio::co_spawn(executor, std::move(task), boost::asio::use_future).get();
}

}  // namespace hekto::async
