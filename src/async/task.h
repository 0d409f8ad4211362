// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hekto::async {

/// The concrete executor type everywhere: any_io_executor costs a third more CPU a request.
using Executor = boost::asio::io_context::executor_type;

/// A coroutine that starts when awaited and runs on one io thread from start to end. What it awaits resumes it on
/// that same thread.
template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

inline constexpr boost::asio::use_awaitable_t<Executor> use_task{};

}  // namespace hekto::async
