// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "domain/model.h"
#include "domain/schema.h"
#include "domain/value.h"
#include "ports/clock.h"
#include "ports/event_bus.h"
#include "ports/store.h"
#include "service/deadlines.h"
#include "service/dispatcher.h"
#include "service/keyring.h"
#include "service/refused_attempts.h"
#include "service/relayer.h"
#include "service/snapshot.h"

namespace hekto::service {

struct CreatePrediction {
  domain::Offer offer;  ///< what to run, or to train; without a base when the destination is a model of an upstream
  domain::Value input;  ///< valid against the version's input, or training; when relayed, see invalid_input
  /// Set: it runs at an upstream.
  std::optional<domain::RelayTarget> relay;
  /// As Relay::try_place says for it: where it is submitted while its client waits; nullptr when it waits its turn.
  std::shared_ptr<ports::RelayPlace> place;
  /// Set when the input breaks the rules that are known here: what to answer with unless the upstream answers itself.
  std::optional<ports::Refusal> invalid_input;
  std::optional<Duration> cancel_after;
  std::optional<domain::Webhook> webhook;
  std::string deployment;   ///< name of the one it is made through; empty: none
  std::string destination;  ///< set: a training, which gives this model ("owner/name") a version
  std::string steering;     ///< as domain::Prediction::steering
};

/// What became of a create that may have been made before.
struct Created {
  ports::Creation::Outcome outcome = ports::Creation::Outcome::created;
  SnapshotPtr snapshot;                        ///< nullptr when it differs or was refused
  std::optional<ports::Refusal> refusal = {};  ///< set: an upstream refused it, and nothing is left of it
};

struct PredictionLimits {
  std::size_t unfinished = 100'000;            ///< beyond: creates are refused (unavailable)
  Duration retention = std::chrono::hours(1);  ///< data goes this long after completion
};

/// The use cases around predictions, for one owner at a time: another's prediction is not_found, like an unknown one.
/// Any thread.
class Predictions {
 public:
  /// `relayer` is nullptr when nothing is relayed.
  Predictions(ports::Store& store, ports::EventBus& bus, const ports::Clock& clock, Dispatcher& dispatcher,
              Recent& recent, PredictionLimits limits, Relayer* relayer = nullptr);

  /// A place for a create that is relayed; nullptr when it has to wait its turn. Does not block.
  std::shared_ptr<ports::RelayPlace> try_place(const KeyEntry& caller, const domain::RelayTarget& target);

  /// Accepts the work: when this returns a value, the prediction is committed, synced and queued; with a place, the
  /// upstream has accepted or refused it, or it waits its turn after all. unavailable over the limit of unfinished
  /// predictions, or when the store takes no writes. Of a training: not_found unless its destination is a model of the
  /// caller's account.
  async::Task<Result<Created>> create(const KeyEntry& caller, CreatePrediction request);

  /// The same for a create that carries a mark: one that was made before is returned as it is now, and not made again.
  /// conflict while another create with the same key is being stored here.
  async::Task<Result<Created>> create_once(const KeyEntry& caller, CreatePrediction request, domain::CreateMark mark);

  /// A create with this mark was refused in a way that lets its client try again: what follows it is no repeat.
  void note_refused(const domain::CreateMark& mark) { refused_.note(mark, clock_.now()); }

  async::Task<Result<SnapshotPtr>> get(std::string_view account, std::string_view id);
  /// What get() would return without reading the store; nullptr when that needs the store, or is a refusal.
  SnapshotPtr held(std::string_view account, std::string_view id);
  /// For links, which say themselves whose prediction they open.
  async::Task<Result<SnapshotPtr>> get_unchecked(std::string_view id);
  async::Task<Result<ports::PredictionPage>> list(ports::PredictionQuery query);

  /// Ends the prediction as canceled; one that ended already is returned unchanged.
  async::Task<Result<SnapshotPtr>> cancel(std::string_view account, std::string_view id);

  /// Suspends until the prediction is terminal or `limit` passed; returns it as it is then.
  async::Task<Result<SnapshotPtr>> wait(SnapshotPtr from, Duration limit);

  /// From now on wait() returns at once, and waits under way end within a second: the server is about to stop.
  void stop_waiting() { draining_ = true; }
  bool is_stopping() const { return draining_; }

  /// Queues what an earlier process left unfinished, oldest first. Call once, before requests are served.
  async::Task<Result<std::size_t>> recover();
  /// Ends what is past its deadline. Call a few times a second.
  async::Task<void> enforce_deadlines();

  ports::EventBus& bus() { return bus_; }

 private:
  /// What a create needs to be taken up once it is committed.
  struct HandOver;
  Result<domain::Prediction> prepare(const KeyEntry& caller, CreatePrediction request, HandOver& hand_over);
  /// Queues what has just been committed, and waits for the upstream's word where it is asked for.
  async::Task<Created> take_up(ports::Creation::Outcome outcome, domain::Prediction p, HandOver hand_over);
  async::Task<Result<SnapshotPtr>> end(std::string id, domain::Event event);
  /// What readers see of it now, committed or not; null when that is what the store has.
  std::shared_ptr<const domain::Prediction> shown(std::string_view id);
  bool is_overdue(const domain::Prediction& p) const;

  ports::Store& store_;
  ports::EventBus& bus_;
  const ports::Clock& clock_;
  Dispatcher& dispatcher_;
  Relayer* const relayer_;
  Recent& recent_;
  const PredictionLimits limits_;
  Deadlines deadlines_;
  RefusedAttempts refused_;
  std::mutex mutex_;
  std::unordered_set<std::string> under_way_;  // guarded by mutex_; scopes of creates by key
  std::atomic<bool> draining_{false};
};

}  // namespace hekto::service
