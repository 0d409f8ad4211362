// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace hekto::domain {

/// What a client asked an upstream to run, in the client's words: own names are mapped to the upstream's only when it
/// is sent.
struct RelayTarget {
  enum class Kind : std::uint8_t { model, version, deployment, training, trained };
  Kind kind = Kind::model;
  /// model, deployment: "owner/name"; version: "<version>" or "owner/name:<version>"; training: "owner/name:<version>";
  /// trained, a version that lies with one account of an upstream: "upstream/account:<version>".
  std::string name;
  friend bool operator==(const RelayTarget&, const RelayTarget&) = default;
};

/// One word and the name, such as "model:black-forest-labs/flux-schnell": how a target is stored.
std::string to_text(const RelayTarget& target);
/// nullopt for what to_text does not write.
std::optional<RelayTarget> parse_relay_target(std::string_view text);
/// The target that the member `version` of a create names: "owner/name" is a model, the rest versions.
RelayTarget target_of_version(std::string_view version);
/// "owner/name" of the model of a target; empty when it is a version alone, a trained one, or a deployment.
std::string_view model_of(const RelayTarget& target);

/// What is known of handing a prediction to an upstream, a Replicate-compatible server. There is at most one at a time,
/// and at most one that may have been taken.
struct Submission {
  enum class State : std::uint8_t {
    intended,  ///< committed before the first byte of the create could leave: whether it did is not known
    accepted,  ///< the upstream gave an id
    unknown,   ///< whether the upstream took it cannot be learnt; the prediction has failed
  };
  State state = State::intended;
  std::string upstream;      ///< as the operator named it
  std::string account;       ///< likewise
  std::string attempt;       ///< 26 characters as a prediction's id; tells this one from every other submission
  Time at{};                 ///< when it was intended
  std::string remote_id;     ///< the upstream's id; empty until accepted
  bool cancel_owed = false;  ///< it ended here by other means than the upstream's word, which is still to be told
  bool settled = false;      ///< unknown, and an operator has seen to it
  friend bool operator==(const Submission&, const Submission&) = default;
};

/// When things happened as the upstream says. Shown to clients instead of our own times, which go on deciding when data
/// and links end: an upstream's clock, or an end that is learnt late, must not shorten what a client was promised.
struct UpstreamTimes {
  std::optional<Time> created, started, completed;
  friend bool operator==(const UpstreamTimes&, const UpstreamTimes&) = default;
};

}  // namespace hekto::domain
