// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "async/io_threads.h"
#include "async/stop.h"
#include "async/task_scope.h"
#include "base/kept_memory.h"
#include "base/text.h"
#include "ports/clock.h"
#include "ports/file_store.h"
#include "ports/relay.h"
#include "ports/store.h"
#include "service/input_files.h"
#include "service/live_files.h"
#include "service/snapshot.h"

namespace hekto::service {

class RunSink;

struct RelayerOptions {
  std::size_t concurrency = 20'000;                        ///< runs at once, but for those that are parked
  Duration commit_every = std::chrono::milliseconds(500);  ///< progress is committed at most this often
  InputLimits inputs = {};                                 ///< of files held here that an input names
  const domain::LinkSigner* links = nullptr;               ///< as InputSources
  Duration link_lifetime{};
  LiveFiles* live = nullptr;  ///< as RunSink
};

/// What a client that waits for the upstream's word is told.
struct Handed {
  SnapshotPtr snapshot;  ///< the prediction: accepted, waiting its turn, or ended; nullptr: refused
  std::optional<ports::Refusal> refusal = {};  ///< set: the upstream refused, and nothing of the prediction is left
};

/// Sees relayed predictions to their end: hands each to the relay and turns what comes of it into the life of the
/// prediction. Any number wait and are followed at once, up to the limit; which of them is submitted next is for the
/// relay to say. One that the relay parks costs a record of it, and does not count against the limit; when there is
/// news of it, it is read from the store and goes on under the same epoch. It does not wait for what has not been
/// submitted yet, which may itself wait for its place. Any thread.
class Relayer {
 public:
  using Publish = std::function<SnapshotPtr(domain::Prediction)>;
  /// `publish` shows a state to readers and returns what is shown; `forget` makes readers forget an id. Everything
  /// outlives this.
  Relayer(async::IoThreads& io, ports::Store& store, ports::FileStore& files, const ports::Clock& clock,
          ports::Relay& relay, Publish publish, std::function<void(std::string_view)> forget, RelayerOptions options);
  ~Relayer();

  ports::Relay& relay() { return relay_; }

  /// Queues an accepted, committed prediction. Does not block.
  void enqueue(std::string id);
  /// The same for one whose client waits: returns when the upstream has accepted or refused it, when it ended, or when
  /// it is to wait its turn. With `place`, the prediction was committed as claimed and its submission as intended
  /// there. `invalid_input`: as ports::RelayRequest. `mark_scope`: of the mark that the create
  /// carried, which goes with it when it is refused; empty: none.
  async::Task<Handed> hand_over(domain::Prediction accepted, std::shared_ptr<ports::RelayPlace> place,
                                std::optional<ports::Refusal> invalid_input, std::string mark_scope);
  /// Tells a run that its prediction ended by other means; one that is parked is gone when this returns. Nothing
  /// happens when it is not running here.
  void interrupt(std::string_view id);

  /// Starts no more; interrupts what is followed, which goes on after the next start, and waits up to `grace` for the
  /// answers to creates that are under way; then `cut_off` has to end what is left. Never call on an io thread.
  void stop_blocking(Duration grace, const std::function<void()>& cut_off);

  /// Those beyond the limit.
  std::size_t queued() const;
  /// Those at upstreams or on their way there, parked or not.
  std::size_t running() const;
  std::size_t parked() const;

 private:
  class Waiter;
  class Waker;
  struct Job;
  struct Running {
    async::StopToken stop;
    bool interrupted = false;  // a stop that comes while it is parked must not be lost
  };
  /// What is to become of a run that returned.
  enum class Then { over, again, park };
  async::Task<void> run_one(std::shared_ptr<Job> job);
  async::Task<Then> run_claimed(std::shared_ptr<const domain::Prediction> claimed, Job& job);
  /// The prediction of a parked run; tried until it can be read. nullptr when it has ended, or on a stop.
  async::Task<std::shared_ptr<const domain::Prediction>> read_parked(const Job& job);
  async::Task<void> refused(ports::Refusal refusal, RunSink& sink, Job& job);
  void submit(std::shared_ptr<Job> job);
  void wake(std::string_view id);
  /// Its run is over; parks what is left of it when it is to be parked.
  void leave(Job& job, bool park);
  async::StopToken stop_of(const std::string& id) const;
  void pump();

  async::IoThreads& io_;
  ports::Store& store_;
  ports::FileStore& files_;
  const ports::Clock& clock_;
  ports::Relay& relay_;
  const Publish publish_;
  const std::function<void(std::string_view)> forget_;
  const RelayerOptions options_;

  const std::shared_ptr<Waker> waker_;

  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<Job>> queue_;  // guarded by mutex_
  std::deque<std::shared_ptr<Job>> woken_;  // guarded by mutex_; in running_, too
  std::unordered_map<std::string, Running, StringHash, std::equal_to<>> running_;  // guarded by mutex_
  std::size_t resumed_ = 0;  // guarded by mutex_; of running_, those that were woken and have begun
  /// Guarded by mutex_: by the id that lies in the run itself.
  std::unordered_map<std::string_view, std::shared_ptr<ports::ParkedRun>, std::hash<std::string_view>, std::equal_to<>,
                     KeptAllocator<std::pair<const std::string_view, std::shared_ptr<ports::ParkedRun>>>>
      parked_;
  bool stopping_ = false;  // guarded by mutex_
  async::TaskScope scope_{"relayer"};
};

}  // namespace hekto::service
