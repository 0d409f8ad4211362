// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace hekto::domain {

/// What a training works for: the part of a prediction that makes it a training.
struct TrainingTarget {
  std::string destination;  ///< "owner/name", a model of the training's own account that gets the version
  std::string base;         ///< id of the catalog's version that the new one is like; trained ones refer to theirs
  friend bool operator==(const TrainingTarget&, const TrainingTarget&) = default;
};

/// A version that a training made for a model of its account. It takes and gives what `base` does.
struct TrainedVersion {
  std::string id;  ///< 64 lower-case hex characters: version_made_by(training)
  std::string owner;
  std::string name;      ///< with `owner`: the model that it is a version of
  std::string training;  ///< id of the training
  std::string base;      ///< TrainingTarget::base
  Time created_at{};     ///< when the training succeeded
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
/// The version that `training`, which has succeeded, makes.
TrainedVersion trained_version(const Prediction& training);

}  // namespace hekto::domain
