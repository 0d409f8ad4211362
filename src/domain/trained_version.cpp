// SPDX-License-Identifier: Apache-2.0
#include "domain/trained_version.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/hash.h"
#include "domain/prediction.h"

namespace hekto::domain {

std::string version_made_by(std::string_view training_id) {
  // The prefix keeps it apart from every other hash of an id.
  return hex_encode(sha256("version of training " + std::string(training_id)));
}

bool is_version_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

TrainedVersion trained_version(const Prediction& training) {
  const std::string& destination = training.training->destination;
  const auto slash = std::min(destination.find('/'), destination.size());
  TrainedVersion version;
  version.id = version_made_by(training.id);
  version.owner = destination.substr(0, slash);
  version.name = destination.substr(std::min(slash + 1, destination.size()));
  version.training = training.id;
  version.base = training.training->base;
  version.created_at = training.completed_at.value_or(training.created_at);
  return version;
}

}  // namespace hekto::domain
