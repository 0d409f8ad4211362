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

std::string to_text(const RemoteHome& home) { return home.upstream + "/" + home.account + "/" + home.model; }

std::optional<RemoteHome> parse_remote_home(std::string_view text) {
  RemoteHome home;
  for (auto* part : {&home.upstream, &home.account}) {
    const auto slash = text.find('/');
    if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
    *part = text.substr(0, slash);
    text.remove_prefix(slash + 1);
  }
  const auto slash = text.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == text.size()) return std::nullopt;
  home.model = text;
  return home;
}

std::optional<TrainedVersion> trained_version(const Prediction& training, std::string_view made) {
  const auto colon = made.rfind(':');
  const bool is_made = colon != std::string_view::npos && is_version_id(made.substr(colon + 1)) && training.submission;
  if (training.relay && (training.training->base.empty() || !is_made)) return std::nullopt;
  const std::string& destination = training.training->destination;
  const auto slash = std::min(destination.find('/'), destination.size());
  TrainedVersion version;
  version.id = training.relay ? std::string(made.substr(colon + 1)) : version_made_by(training.id);
  version.owner = destination.substr(0, slash);
  version.name = destination.substr(std::min(slash + 1, destination.size()));
  version.training = training.id;
  version.base = training.training->base;
  version.created_at = training.completed_at.value_or(training.created_at);
  if (training.relay) {
    version.home =
        RemoteHome{training.submission->upstream, training.submission->account, std::string(made.substr(0, colon))};
  }
  return version;
}

}  // namespace hekto::domain
