// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace hekto::domain {

/// How a test steers the sandbox, so that it can meet every way in which a prediction can go. A directive is a name, or
/// name=argument:
///   fail, fail=MESSAGE    fails after its steps, before any output. A MESSAGE such as E1001 or PA stands for the
///                         service's own sentence with that code
///   fail-after=N          fails once N output items are there, with the message of `fail` if there is one
///   setup-fail[=MESSAGE]  fails while still `starting`
///   interrupt, interrupt=N  every attempt, or the first N, ends as if the worker had been lost
///   hang, hang-after=N    never ends: before any output, or once N items are there
///   setup=SPAN            stays that much longer in `starting`
///   delay=SPAN            runs that much longer before its first output
///   pause=SPAN            waits that long before each further output item: a slow stream
///   items=N               gives N output items
///   large=SIZE            gives that much output: a long text, or a padded file
///   logs=SIZE             writes that much into the logs
///   malformed             gives an output that breaks the model's schema
///   null                  succeeds without output
///   awkward               gives text that is hard to transport: line ends of all kinds, emoji, look-alikes of fields
///   webhook-only          shows neither logs nor output before its end
/// Spans are those of parse_duration, sizes whole numbers with or without KB, MB (powers of ten); both are real
/// whatever the sandbox's speed. Numbers above the limits below count as the limits.
struct Steering {
  std::optional<std::string> fail = {};
  std::optional<std::string> setup_fail = {};
  std::optional<std::size_t> fail_after = {};
  std::optional<std::size_t> hang_after = {};
  int interrupts = 0;  ///< attempts that are interrupted
  Duration setup{};
  Duration delay{};
  Duration pause{};
  std::optional<std::size_t> items = {};
  std::size_t large = 0;  ///< bytes; 0: as usual
  std::size_t logs = 0;   ///< bytes
  bool malformed = false;
  bool null = false;
  bool awkward = false;
  bool webhook_only = false;
};

inline constexpr Duration kMaxSteeringSpan = std::chrono::minutes(10);
inline constexpr std::size_t kMaxSteeringItems = 2000;
inline constexpr std::size_t kMaxSteeringSize = 100'000'000;
/// Of a steering text, in bytes.
inline constexpr std::size_t kMaxSteeringText = 1024;

/// Adds one directive. invalid_input, and nothing changed, when it is unknown or its argument makes no sense.
Result<void> add_directive(Steering& steering, std::string_view directive);

/// Adds the directives of `text`, which are separated by ';'. Empty ones are passed over. invalid_input naming the
/// first one that is not understood, or when the text is longer than kMaxSteeringText.
Result<void> add_steering(Steering& steering, std::string_view text);

}  // namespace hekto::domain
