// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace hekto::domain {

/// What a `Prefer` header (RFC 7240) asks of a create.
struct WaitPreference {
  Duration wait{};      ///< how long to hold the answer
  std::string applied;  ///< for Preference-Applied: "wait" or "wait=10"
};

/// `wait` means 60 s, `wait=n` n seconds clamped to [1, 60]; the answer is always due before 60 s (59 s at most),
/// because a client with a 60 s timeout would send the create again. Anything else, unparsable values and
/// respond-async included, is nullopt: answer at once.
std::optional<WaitPreference> parse_prefer(std::string_view header);

/// The `Cancel-After` header: a duration of at least 5 s in h, m, s, bare numbers being seconds.
Result<Duration> parse_cancel_after(std::string_view header);

}  // namespace hekto::domain
