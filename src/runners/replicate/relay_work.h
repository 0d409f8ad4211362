// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/kept_memory.h"
#include "json/value_json.h"
#include "runners/replicate/lookup.h"
#include "runners/replicate/replicate_relay.h"

namespace hekto::runners::replicate {

/// One run on its way, for the functions of ReplicateRelay that share it.
struct ReplicateRelay::Work {
  Work(ports::RelayRequest of, ports::RelaySink& into)
      : request(std::move(of)), sink(&into), fresh(request.place != nullptr), shown(!request.client_waits) {}
  /// For a look-up alone.
  Work(std::shared_ptr<const domain::Prediction> prediction, async::StopToken stop) {
    attempt = prediction->submission->attempt;
    intended_at = prediction->submission->at;
    request.prediction = std::move(prediction);
    request.stop = std::move(stop);
  }

  void wait() {
    shown = true;
    sink->waiting();
  }

  /// Makes what a look-up goes by.
  void prepare_key() {
    const auto parsed = json::parse(request.prediction->input);
    const auto input = parsed ? *parsed : domain::Value();
    // Which files were sent under another address is known to a run alone.
    hidden.clear();
    add_url_pointers(input, sink == nullptr, hidden);
    for (const auto& file : request.files) hidden.insert(file.pointer);
    canonical_input = canonical(input, hidden);
    std::set<std::string> urls;
    add_url_pointers(input, true, urls);
    const auto& same_for_all = urls == hidden ? canonical_input : canonical(input, urls);
    key = place->upstream() + "/" + place->account() + "/" + hex_encode(sha256(same_for_all));
  }

  ports::RelayRequest request;
  ports::RelaySink* const sink = nullptr;
  const bool fresh = false;  ///< the submission was intended for this very run, and nothing was sent
  bool shown = true;         ///< the client has been told of it, and when it was created
  PlacePtr place;
  std::string attempt;                  ///< of the submission that is intended; empty: none is
  std::shared_ptr<HookedAttempt> hook;  ///< of `attempt`; nullptr: nobody is told by webhook
  std::optional<std::string> webhook;   ///< the URL that the create carries, once it is decided; may be empty
  bool hooked = false;                  ///< the create carried a webhook, as far as is known
  bool late = false;                    ///< the answer to the create was lost, or is looked for
  Time intended_at{};
  std::string remote_id;
  bool uploads_renewed = false;  ///< input files were uploaded anew, since the upstream had lost them
  std::string destination;       ///< of a training for a model of ours: the one that stands for it there
  std::set<std::string> hidden;  ///< JSON Pointers to files of the input that have another address upstream
  std::string canonical_input;
  std::string key;                               ///< of the account and the input
  std::vector<std::string> tried = {};           ///< "upstream/account" of those that would not take it
  std::optional<ports::Refusal> last_word = {};  ///< of one of them, for the client
};

/// A prediction that the upstream has accepted, for as long as this is there: followed, and open at its account.
class ReplicateRelay::Open final : public ports::ParkedRun {
 public:
  /// `follower` outlives this.
  Open(std::string_view id, std::int64_t epoch, PlacePtr place, Follower& follower, Follower::FollowedPtr followed)
      : id_(id), epoch_(epoch), place_(std::move(place)), follower_(follower), followed_(std::move(followed)) {}
  ~Open() override { follower_.leave(followed_, took); }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;

  std::string_view id() const override { return id_; }
  std::int64_t epoch() const override { return epoch_; }
  void watch(std::shared_ptr<ports::RelayWaker> waker) override { follower_.watch(followed_, std::move(waker), id_); }
  const PlacePtr& place() const { return place_; }
  const Follower::FollowedPtr& followed() const { return followed_; }

  // The run's, while there is one:
  std::optional<Duration> took;  ///< it ended, so long after its creation
  bool tried_stream = false;     ///< its event stream was tried

 private:
  const KeptText id_;
  const std::int64_t epoch_;
  const PlacePtr place_;
  Follower& follower_;
  const Follower::FollowedPtr followed_;
};

}  // namespace hekto::runners::replicate
