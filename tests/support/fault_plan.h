// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "async/stop.h"
#include "async/task.h"
#include "base/error.h"

namespace hekto::test {

/// Which calls of a wrapped port go wrong, and how. Any thread.
class FaultPlan {
 public:
  /// The `nth` call from now (1: the next) of `method` (empty: of any) returns `error` without being made.
  void fail(std::string method, int nth, Error error);
  /// The same call is made, and its answer is replaced by `error`: a change that was committed and whose caller cannot
  /// know.
  void lose_answer(std::string method, int nth, Error error);
  /// The next call of `method` is made once `released` is asked to stop.
  void hold(std::string method, async::StopToken released);
  /// Calls seen so far, of `method` or of all.
  int calls(std::string_view method = {}) const;

  /// For the wrappers: passes `call` through, or lets it go wrong as planned.
  template <class T>
  async::Task<Result<T>> pass(std::string_view method, async::Task<Result<T>> call) {
    const auto fault = next(method);
    if (fault && fault->held) {
      co_await fault->held->sleep_for(std::chrono::hours(1));
      co_return co_await std::move(call);
    }
    if (fault && !fault->after) co_return std::unexpected(fault->error);
    auto result = co_await std::move(call);
    if (fault) co_return std::unexpected(fault->error);
    co_return result;
  }

 private:
  struct Fault {
    std::string method;
    int countdown = 0;
    bool after = false;
    Error error;
    std::optional<async::StopToken> held = std::nullopt;
  };
  std::optional<Fault> next(std::string_view method);

  mutable std::mutex mutex_;
  std::list<Fault> faults_;         // guarded by mutex_
  std::list<std::string> history_;  // guarded by mutex_
};

}  // namespace hekto::test
