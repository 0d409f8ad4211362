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

/// How long to hold an answer: what `prefer` asks for, but less than the client says it is ready to read for, because a
/// client that gives up first sends the create again. `read_timeout` is the client's x-stainless-read-timeout: seconds,
/// with or without a fraction ("60", "2.5"). The answer is due a second before it, or half of it when it is under two
/// seconds. What is no number of seconds is ignored.
Duration hold_time(const WaitPreference& prefer, std::string_view read_timeout);
/// What x-stainless-read-timeout says, as above; nullopt when it is no number of seconds, or over eleven days.
std::optional<Duration> parse_read_timeout(std::string_view text);

/// The `Cancel-After` header: a duration of at least 5 s in h, m, s, bare numbers being seconds.
Result<Duration> parse_cancel_after(std::string_view header);

}  // namespace hekto::domain
