// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "domain/trained_version.h"

namespace hekto::domain {

/// A model that a client created through the API. Trainings give it versions; without one it cannot run.
struct OwnedModel {
  std::string account;  ///< owning account id
  std::string owner;    ///< that account's name
  std::string name;
  std::string visibility;  ///< "public" or "private"
  std::string hardware;    ///< a sku
  std::optional<std::string> description, readme;
  std::optional<std::string> github_url, paper_url, license_url, weights_url, cover_image_url;
  Time created_at{};
  std::optional<TrainedVersion> latest_version;  ///< filled in by the store
  friend bool operator==(const OwnedModel&, const OwnedModel&) = default;
};

}  // namespace hekto::domain
