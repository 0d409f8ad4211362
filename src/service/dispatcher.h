// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "async/io_threads.h"
#include "async/stop.h"
#include "async/task_scope.h"
#include "ports/clock.h"
#include "ports/event_bus.h"
#include "ports/file_store.h"
#include "ports/runner.h"
#include "ports/store.h"
#include "service/input_files.h"
#include "service/snapshot.h"
#include "service/versions.h"

namespace hekto::service {

struct DispatchOptions {
  std::size_t concurrency = 64;                            ///< runs under way at once
  Duration time_limit = std::chrono::minutes(30);          ///< of one run with its input files; beyond, it fails
  Duration commit_every = std::chrono::milliseconds(500);  ///< progress is committed at most this often
  /// Told of every state that readers are shown, without output that is still on its way; any thread, must not block.
  /// May be empty.
  std::function<void(const SnapshotPtr&)> on_change = {};
  InputLimits inputs = {};
  const domain::LinkSigner* links = nullptr;  ///< as InputSources
  Duration link_lifetime{};
  InputFetcher* fetcher = nullptr;
};

/// Takes predictions in the order they were accepted and runs each to its end, a bounded number at once. The queue
/// holds ids only; everything else is read from the store when the work is claimed.
class Dispatcher {
 public:
  Dispatcher(async::IoThreads& io, ports::Store& store, ports::FileStore& files, ports::EventBus& bus,
             const ports::Clock& clock, Versions& versions, ports::Runner& runner, Recent& recent,
             DispatchOptions options);
  ~Dispatcher();

  /// Queues an accepted, committed prediction. Any thread; does not block.
  void enqueue(std::string id);
  /// Tells a run that its prediction ended by other means. Nothing happens when it is not running here.
  void interrupt(std::string_view id);
  /// Shows a state to readers; returns what is shown now. Any thread; does not block.
  SnapshotPtr publish(domain::Prediction p);

  /// Starts no more runs; waits up to `grace` for those under way, then interrupts them. What did not end is taken up
  /// again at the next start. Never call on an io thread.
  void stop_blocking(Duration grace);

  std::size_t queued() const;
  std::size_t running() const;

 private:
  async::Task<void> run_one(std::string id);
  /// Whether the run was interrupted and is to be tried again.
  async::Task<bool> run_claimed(domain::Prediction claimed, async::StopToken stop);
  async::Task<ports::RunOutcome> run_with_files(ports::RunRequest request, std::string account, ports::RunSink& sink);
  void pump();

  async::IoThreads& io_;
  ports::Store& store_;
  ports::FileStore& files_;
  ports::EventBus& bus_;
  const ports::Clock& clock_;
  Versions& versions_;
  ports::Runner& runner_;
  Recent& recent_;
  const DispatchOptions options_;

  mutable std::mutex mutex_;
  std::deque<std::string> queue_;                                                           // guarded by mutex_
  std::unordered_map<std::string, async::StopToken, StringHash, std::equal_to<>> running_;  // guarded by mutex_
  bool stopping_ = false;                                                                   // guarded by mutex_
  async::TaskScope scope_{"dispatcher"};
};

}  // namespace hekto::service
