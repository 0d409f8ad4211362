// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "async/io_threads.h"
#include "async/task_scope.h"
#include "ports/clock.h"
#include "ports/http_client.h"
#include "ports/relay.h"
#include "ports/store.h"
#include "ports/upstream_stats.h"
#include "runners/replicate/account_pool.h"
#include "runners/replicate/answer.h"
#include "runners/replicate/follower.h"
#include "runners/replicate/input_uploads.h"
#include "runners/replicate/live_text.h"
#include "runners/replicate/outputs.h"
#include "runners/replicate/progress.h"
#include "runners/replicate/training_models.h"
#include "runners/replicate/upstream_client.h"
#include "runners/replicate/upstream_webhooks.h"

namespace hekto::runners::replicate {

/// How long ReplicateRelay waits for what. For tests to shorten.
struct RelayTimes {
  /// When a create whose answer was lost is looked for, each after the one before. It may still be on its way into the
  /// list.
  std::vector<Duration> look_ups = {std::chrono::milliseconds(300), std::chrono::seconds(1), std::chrono::seconds(3),
                                    std::chrono::seconds(5),        std::chrono::seconds(8), std::chrono::seconds(12)};
  /// So long is waited for an upstream that cannot be asked.
  Duration patience = std::chrono::hours(1);
  /// After an upstream that could not be reached, before it is tried again.
  Duration down = std::chrono::milliseconds(500);
  /// After input files that could not be uploaded.
  Duration upload = std::chrono::seconds(2);
  /// Before a create is sent again to an upstream that is idempotent; then twice as long each time, up to half a
  /// minute.
  Duration again = std::chrono::milliseconds(500);
  /// So long nothing is new of an accepted prediction before its run is parked. Not at all: as soon as it waits.
  Duration quiet = Follower::kQuiet;
};

/// ports::Relay to Replicate-compatible upstreams (runner-side protocol: the official HTTP API). A create is sent once,
/// on a connection of its own. One whose answer was lost is sent again if the upstream is declared idempotent; else it
/// is looked for in the upstream's list, by its input and the time, and what is not found there has failed.
class ReplicateRelay final : public ports::Relay {
 public:
  /// Everything outlives this. `api` is for requests to the API, `downloads` for files, on its own thread; `hook_key`
  /// signs the URLs of webhooks.
  ReplicateRelay(async::IoThreads& io, std::vector<UpstreamOptions> upstreams, ports::HttpClient& api,
                 ports::HttpClient& downloads, ports::Store& store, const ports::Clock& clock, Secret hook_key,
                 RelayTimes times = {});
  ~ReplicateRelay() override;

  void start();
  /// Ends what start() began. Runs have ended. Never call on an io thread.
  void stop_blocking();

  bool serves(const domain::RelayTarget& target) const { return pool_.serves(target); }
  std::shared_ptr<ports::RelayPlace> try_place(const domain::RelayTarget& target, const std::string& key_id) override;
  async::Task<ports::RelayOutcome> run(ports::RelayRequest request, ports::RelaySink& sink) override;
  async::Task<Result<void>> cancel(std::shared_ptr<const domain::Prediction> ended) override;

  ports::RelayStats stats() const;
  AccountPool& pool() { return pool_; }
  UpstreamClient& client() { return client_; }
  /// Whether any upstream is given the URL of a webhook, and what comes there.
  bool has_webhooks() const { return webhooks_.in_use(); }
  ports::UpstreamHooks& hooks() { return webhooks_; }

 private:
  struct Work;
  class Open;
  /// What a look-up came to; error: it could not be made.
  struct Found {
    std::optional<Snapshot> snapshot;
    bool several = false;
  };
  /// What handing over came to: follow this, or the run has ended.
  using Handed = std::variant<Snapshot, ports::RelayOutcome>;

  async::Task<Handed> hand_over(Work& work);
  async::Task<Handed> settle(Work& work);
  /// The same create again, to an upstream that tells by its key that it is. nullopt: it does not help.
  async::Task<std::optional<Handed>> submit_again(Work& work);
  std::optional<Snapshot> told_by_webhook(const Work& work) const;
  async::Task<Handed> accept(Work& work, Snapshot snapshot);
  async::Task<std::optional<Handed>> submit(Work& work, Wanted& wanted, std::string input);
  async::Task<Result<ports::HttpReply>> post(Work& work, std::string input, bool& sent);
  /// The input as it is sent: files that are held here are uploaded first, and a training's model is made.
  async::Task<Result<std::string>> input_for(Work& work);
  /// `everywhere`: as far from the intent as clocks may differ and the answer may take; else close to it. `any_name`: a
  /// model under another name will do.
  async::Task<Result<Found>> look_up(Work& work, bool everywhere, bool any_name);
  async::Task<Result<Found>> search(Work& work, bool everywhere, bool any_name);
  /// What a create came to, for the pool.
  void report(Work& work, const Result<ports::HttpReply>& reply, const CreateAnswer& answer, Duration took);
  async::Task<void> count_unsettled();
  async::Task<ports::RelayOutcome> follow(Work& work, std::optional<Snapshot> first, std::shared_ptr<Open> open = {});
  std::shared_ptr<Open> open(Work& work, const std::optional<Snapshot>& first);
  async::Task<std::optional<ports::RelayOutcome>> deliver(Work& work, std::vector<Step> steps);
  Follower& follower_of(const AccountPtr& account) { return *followers_.at(account.get()); }

  void enter(const std::string& key, int change);
  /// False when it is another run's: one that is about to follow it, or does.
  bool claim_remote(const Work& work, const std::string& id);
  bool is_claimed(const Work& work, const std::string& id) const;
  bool is_anothers(const Work& work, const std::string& id) const;  // with mutex_ held
  void release_remote(const Work& work);

  async::IoThreads& io_;
  ports::Store& store_;
  const ports::Clock& clock_;
  const RelayTimes times_;
  AccountPool pool_;
  UpstreamClient client_;
  InputUploads uploads_;
  TrainingModels training_models_;
  std::map<const Account*, std::unique_ptr<Follower>> followers_;
  UpstreamWebhooks webhooks_;
  async::StopToken stop_;
  async::TaskScope scope_{"relay"};
  Outputs outputs_;
  EventStreams streams_;
  mutable std::mutex mutex_;
  std::map<std::string, int> posting_;  // guarded by mutex_: creates that wait for their answer, by account and input
  std::set<std::string> looking_;       // guarded by mutex_: of these, those that somebody looks up
  /// Guarded by mutex_: "upstream/remote id" of runs here, until they are followed, and their attempts.
  std::map<std::string, std::string> claimed_;
  std::size_t unknown_ = 0;    // guarded by mutex_
  std::size_t unsettled_ = 0;  // guarded by mutex_
};

}  // namespace hekto::runners::replicate
