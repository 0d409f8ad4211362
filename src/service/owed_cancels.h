// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "async/io_threads.h"
#include "async/task_scope.h"
#include "ports/clock.h"
#include "ports/relay.h"
#include "ports/store.h"

namespace hekto::service {

/// Tells upstreams of predictions that ended here by other means than their word: canceled, past their deadline, over
/// their time. At least once: what is owed is in the store, and tried again, after a second at first, at most every
/// five minutes, for a day.
class OwedCancels {
 public:
  /// Everything outlives this.
  OwedCancels(async::IoThreads& io, ports::Store& store, const ports::Clock& clock, ports::Relay& relay)
      : io_(io), store_(store), clock_(clock), relay_(relay) {}
  ~OwedCancels() { stop_blocking(); }

  void start();
  /// Something may be owed. Any thread; does not block.
  void wake();
  /// Never call on an io thread.
  void stop_blocking();

  /// So long after its intent a submission without an id is left alone: its create may be under way here.
  static constexpr Duration kUnderWay = std::chrono::minutes(2);
  static constexpr Duration kGiveUp = std::chrono::hours(24);

 private:
  struct Again {
    Time at{};
    Duration pause{};
  };
  async::Task<void> run();
  async::Task<void> look();
  async::Task<void> tell(std::string id);

  async::IoThreads& io_;
  ports::Store& store_;
  const ports::Clock& clock_;
  ports::Relay& relay_;
  std::map<std::string, Again> again_;  // of run() alone
  std::mutex mutex_;
  async::StopToken nap_;  // guarded by mutex_: requested by wake()
  async::StopToken stop_;
  async::TaskScope scope_{"owed cancels"};
};

}  // namespace hekto::service
