// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hekto::domain {

/// Models that belong together, as the catalog puts them.
struct Collection {
  std::string slug;
  std::string name;
  std::string description;
  std::optional<std::string> full_description;  ///< Markdown
  std::vector<std::string> models;              ///< "owner/name", in the order in which they are shown
  friend bool operator==(const Collection&, const Collection&) = default;
};

}  // namespace hekto::domain
