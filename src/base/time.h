// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hekto {

/// Wall-clock instants and spans, in microseconds since 1970 UTC: what the API shows and the store keeps.
using Duration = std::chrono::microseconds;
using Time = std::chrono::sys_time<Duration>;

inline std::int64_t to_micros(Time t) { return t.time_since_epoch().count(); }
inline Time from_micros(std::int64_t us) { return Time{Duration{us}}; }
inline double to_seconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }

/// "2026-11-22T10:15:30.412000Z": RFC 3339, UTC, always six fraction digits.
std::string format_time(Time t);
void append_time(std::string& out, Time t);

/// Reads ISO 8601 / RFC 3339: date, optional time, optional fraction (1-9 digits), `Z` or `+hh:mm`; without a
/// zone UTC is meant. invalid_input otherwise.
Result<Time> parse_time(std::string_view text);

/// Reads concatenated <int><unit> with units ms, s, m, h, d ("1h30m", "90s", "30d"); a bare integer is seconds.
/// invalid_input when empty, malformed, or over 10 years.
Result<Duration> parse_duration(std::string_view text);

}  // namespace hekto
