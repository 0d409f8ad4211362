// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "domain/submission.h"
#include "domain/value.h"
#include "runners/replicate/snapshot.h"

namespace hekto::runners::replicate {

/// The JSON Pointers of the strings in `value` that an upstream may show in another way than they were sent: data:
/// URLs, and, with `web_too`, http and https URLs.
void add_url_pointers(const domain::Value& value, bool web_too, std::set<std::string>& pointers);

/// One text for all spellings of a value: members by name, numbers by value. What stands at `hidden` (JSON Pointers) is
/// left out: files that were given another address on their way.
std::string canonical(const domain::Value& value, const std::set<std::string>& hidden);

/// Whether an upstream's prediction is the one that a create asked for.
enum class Likeness : std::uint8_t {
  none,
  other_name,  ///< it may be, under another name of the model: the official service has shown models under others
  all,         ///< it may be
};
/// `name`: the upstream's "owner/name" of what `target` names, where that is a model.
Likeness likeness(const Snapshot& shown, const domain::RelayTarget& target, std::string_view name,
                  std::string_view canonical_input, const std::set<std::string>& hidden);

/// How far an upstream's clock may be from ours.
inline constexpr Duration kClockSkew = std::chrono::minutes(2);

}  // namespace hekto::runners::replicate
