// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runners/replicate/follower.h"

namespace hekto::runners::replicate {

/// What an answer or a webhook said.
struct Follower::Learnt {
  News news;
  Fingerprint print{};
};

/// One prediction, for the functions of Follower that share it. There may be a hundred thousand.
class Follower::Followed {
 public:
  Followed(std::string_view id, bool is_training, const std::string& of_model, bool by_webhook, Time limit)
      : remote_id(id), model(&of_model), until(limit), training(is_training), hooked(by_webhook) {}
  const KeptText remote_id;
  const std::string* const model;  // in models_, until it is left
  const Time until;
  const bool training;
  const bool hooked;

  // Guarded by the follower's mutex_:
  bool urgent = false;   // which of the two `place` is in
  bool asked = false;    // a request for it is under way
  bool alone = false;    // lists do not show it
  bool told = false;     // a webhook has come
  bool relaxed = false;  // others tell of it
  bool over = false;     // its end is known, or will be
  bool left = false;
  bool may_rest = false;                       // whoever waits wants to know that nothing is new
  bool resting = false;                        // it is in resting_
  std::optional<Time> created_at, started_at;  // by the upstream's clock
  Time since{};                                // followed from here
  Time new_at{};                               // when something new was learnt last
  Fingerprint known;                           // of what next() has told
  std::optional<Due::iterator> place;          // in urgent_ or routine_
  std::optional<Due::iterator> by_age;
  std::optional<Time> missing_since;
  std::unique_ptr<Learnt> news;  // not taken yet
  async::Completer<Result<News>> waiting;
  std::shared_ptr<ports::RelayWaker> waker;
  std::string_view wakes;  // with a waker
};

}  // namespace hekto::runners::replicate
