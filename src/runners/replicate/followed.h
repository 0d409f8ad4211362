// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "runners/replicate/follower.h"

namespace hekto::runners::replicate {

/// One prediction, for the functions of Follower that share it.
class Follower::Followed {
 public:
  Followed(std::string id, bool is_training, std::string of_model, bool by_webhook, Time limit)
      : remote_id(std::move(id)), training(is_training), model(std::move(of_model)), hooked(by_webhook), until(limit) {}
  const std::string remote_id;
  const bool training;
  const std::string model;
  const bool hooked;
  const Time until;

  // Guarded by the follower's mutex_:
  std::optional<Time> created_at, started_at;  // by the upstream's clock
  Time since{};                                // followed from here
  std::optional<Due::iterator> place;          // in urgent_ or routine_
  bool urgent = false;                         // which of the two
  std::optional<Due::iterator> by_age;
  bool asked = false;    // a request for it is under way
  bool alone = false;    // lists do not show it
  bool told = false;     // a webhook has come
  bool relaxed = false;  // others tell of it
  bool over = false;     // its end is known, or will be
  bool left = false;
  std::optional<Time> missing_since;
  std::optional<News> news;  // not taken yet
  async::Completer<Result<News>> waiting;
};

}  // namespace hekto::runners::replicate
