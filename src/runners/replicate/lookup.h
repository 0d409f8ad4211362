// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "domain/submission.h"
#include "domain/value.h"
#include "runners/replicate/snapshot.h"

namespace hekto::runners::replicate {

/// One text for all spellings of a value: members by name, numbers by value. What stands at `hidden` (JSON Pointers) is
/// left out: files that were given another address on their way.
std::string canonical(const domain::Value& value, const std::set<std::string>& hidden);

/// Whether an upstream's prediction may be the one that a create with this input asked for. The model's name says
/// nothing: the official service shows some official models under another.
bool may_be(const Snapshot& shown, const domain::RelayTarget& target, std::string_view canonical_input,
            const std::set<std::string>& hidden);

/// How far an upstream's clock may be from ours.
inline constexpr Duration kClockSkew = std::chrono::minutes(2);

}  // namespace hekto::runners::replicate
