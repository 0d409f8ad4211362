// SPDX-License-Identifier: Apache-2.0
#include "domain/submission.h"

#include <array>

namespace hekto::domain {
namespace {

constexpr std::array<std::string_view, 5> kKinds = {"model", "version", "deployment", "training", "trained"};

}  // namespace

std::string to_text(const RelayTarget& target) {
  return std::string(kKinds[static_cast<std::size_t>(target.kind)]) + ":" + target.name;
}

std::optional<RelayTarget> parse_relay_target(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (text.substr(0, colon) == kKinds[i]) {
      return RelayTarget{static_cast<RelayTarget::Kind>(i), std::string(text.substr(colon + 1))};
    }
  }
  return std::nullopt;
}

RelayTarget target_of_version(std::string_view version) {
  const bool is_model = version.find('/') != std::string_view::npos && version.find(':') == std::string_view::npos;
  return {is_model ? RelayTarget::Kind::model : RelayTarget::Kind::version, std::string(version)};
}

std::string_view model_of(const RelayTarget& target) {
  const std::string_view name = target.name;
  const bool of_model = target.kind != RelayTarget::Kind::deployment && target.kind != RelayTarget::Kind::trained;
  if (!of_model || name.find('/') == std::string_view::npos) return {};
  return name.substr(0, name.find(':'));
}

}  // namespace hekto::domain
