// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace hekto::domain {

/// What a training works for: the part of a prediction that makes it a training.
struct TrainingTarget {
  std::string destination;  ///< "owner/name", a model of the training's own account that gets the version
  /// Id of the catalog's version that the new one is like; trained ones refer to theirs. Of one that is relayed the id
  /// of what is trained; empty: the destination is a model at the upstream, and nothing is made here.
  std::string base;
  friend bool operator==(const TrainingTarget&, const TrainingTarget&) = default;
};

/// Where a version lies that an upstream made for a model of ours: with the account there that trained it.
struct RemoteHome {
  std::string upstream;  ///< as the operator named it
  std::string account;   ///< likewise
  std::string model;     ///< "owner/name" of the model there
  friend bool operator==(const RemoteHome&, const RemoteHome&) = default;
};
/// "upstream/account/owner/name", how it is stored, and back: nullopt for what has another form.
std::string to_text(const RemoteHome& home);
std::optional<RemoteHome> parse_remote_home(std::string_view text);

/// A version that a training made for a model of its account. It takes and gives what `base` does, or what the version
/// at its home does.
struct TrainedVersion {
  std::string id;  ///< 64 lower-case hex characters: version_made_by(training), or the upstream's
  std::string owner;
  std::string name;                     ///< with `owner`: the model that it is a version of
  std::string training;                 ///< id of the training
  std::string base;                     ///< TrainingTarget::base
  Time created_at{};                    ///< when the training succeeded
  std::optional<RemoteHome> home = {};  ///< set: it lies at an upstream and is run there
  friend bool operator==(const TrainedVersion&, const TrainedVersion&) = default;
};

/// Why a version has to stay.
enum class VersionUse : std::uint8_t {
  none,          ///< nothing: it may go
  public_model,  ///< others may have come to rely on it
  deployed,      ///< a deployment runs it
  trained_on,    ///< a training started from it
};

/// The id of the version that a training makes. It follows from the training's, so that work which is repeated after a
/// crash makes the same version and no second one.
std::string version_made_by(std::string_view training_id);

/// Whether `text` has the form of a version's id: 64 lower-case hex characters.
bool is_version_id(std::string_view text);

struct Prediction;
/// The version that `training`, which has succeeded, makes. `made`: as Succeeded::made. nullopt: none, here.
std::optional<TrainedVersion> trained_version(const Prediction& training, std::string_view made = {});

}  // namespace hekto::domain
