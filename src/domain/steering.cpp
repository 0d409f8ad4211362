// SPDX-License-Identifier: Apache-2.0
#include "domain/steering.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/text.h"
#include "domain/prediction.h"

namespace hekto::domain {
namespace {

constexpr std::string_view kDefaultError = "The sandbox was asked to fail.";
constexpr std::string_view kStartTimeout = "Timeout starting the prediction (E6716)";

struct NamedError {
  std::string_view code;
  std::string_view message;
};

constexpr std::array<NamedError, 5> kNamedErrors{{
    {"E1000", "An unknown error occurred (E1000)"},
    {"E1001", "The model ran out of memory (E1001)"},
    {"E4875", "The webhook URL is empty (E4875)"},
    {"E6716", kStartTimeout},
    {"PA", kInterruptedError},
}};

bool is_code(std::string_view text) {
  return text.size() == 5 && text.front() == 'E' && text.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

std::string message_of(std::string_view argument, std::string_view fallback) {
  if (argument.empty()) return std::string(fallback);
  const auto named = std::ranges::find(kNamedErrors, argument, &NamedError::code);
  if (named != kNamedErrors.end()) return std::string(named->message);
  if (is_code(argument)) return "Prediction failed (" + std::string(argument) + ")";
  return std::string(argument);
}

std::unexpected<Error> wrong(std::string_view name, std::string_view what) {
  return fail(ErrorCode::invalid_input, "'" + std::string(name) + "' " + std::string(what));
}

/// A whole number and what follows it; nullopt when there is none. One too large for the type counts as the largest.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end == text.data()) return std::nullopt;
  if (error == std::errc::result_out_of_range) number = std::numeric_limits<std::uint64_t>::max();
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

Result<std::size_t> count_of(std::string_view name, std::string_view argument) {
  const auto number = take_number(argument);
  if (!number || !argument.empty()) return wrong(name, "takes a whole number, such as " + std::string(name) + "=2");
  return static_cast<std::size_t>(std::min<std::uint64_t>(*number, kMaxSteeringItems));
}

Result<std::size_t> size_of(std::string_view name, std::string_view argument) {
  const auto number = take_number(argument);
  std::uint64_t unit = 0;
  if (argument.empty() || iequals(argument, "B")) unit = 1;
  if (iequals(argument, "KB")) unit = 1000;
  if (iequals(argument, "MB")) unit = 1'000'000;
  if (!number || unit == 0) return wrong(name, "takes a size, such as " + std::string(name) + "=10MB");
  return static_cast<std::size_t>(std::min<std::uint64_t>(*number, kMaxSteeringSize / unit) * unit);
}

Result<Duration> span_of(std::string_view name, std::string_view argument) {
  const auto span = parse_duration(argument);
  if (!span || *span < Duration{}) return wrong(name, "takes a span, such as " + std::string(name) + "=500ms");
  return std::min<Duration>(*span, kMaxSteeringSpan);
}

template <class Value, class Target>
Result<void> set(Result<Value> read, Target& into) {
  if (!read) return std::unexpected(std::move(read).error());
  into = static_cast<Target>(*std::move(read));
  return {};
}

Result<void> set_flag(std::string_view name, std::string_view argument, bool& into) {
  if (!argument.empty()) return wrong(name, "takes nothing");
  into = true;
  return {};
}

}  // namespace

Result<void> add_directive(Steering& out, std::string_view directive) {
  std::string_view argument = directive;
  const std::string_view name = trim(take_until(argument, '='));
  argument = trim(argument);
  if (name == "fail") return set(Result<std::string>(message_of(argument, kDefaultError)), out.fail);
  if (name == "setup-fail") return set(Result<std::string>(message_of(argument, kStartTimeout)), out.setup_fail);
  if (name == "fail-after") return set(count_of(name, argument), out.fail_after);
  if (name == "hang-after") return set(count_of(name, argument), out.hang_after);
  if (name == "hang") {
    if (!argument.empty()) return wrong(name, "takes nothing; hang-after=2 hangs after two output items");
    out.hang_after = 0;
    return {};
  }
  if (name == "interrupt") {
    if (!argument.empty()) return set(count_of(name, argument), out.interrupts);
    out.interrupts = kMaxAttempts;
    return {};
  }
  if (name == "setup") return set(span_of(name, argument), out.setup);
  if (name == "delay") return set(span_of(name, argument), out.delay);
  if (name == "pause") return set(span_of(name, argument), out.pause);
  if (name == "items") return set(count_of(name, argument), out.items);
  if (name == "large") return set(size_of(name, argument), out.large);
  if (name == "logs") return set(size_of(name, argument), out.logs);
  if (name == "malformed") return set_flag(name, argument, out.malformed);
  if (name == "null") return set_flag(name, argument, out.null);
  if (name == "awkward") return set_flag(name, argument, out.awkward);
  if (name == "webhook-only") return set_flag(name, argument, out.webhook_only);
  return wrong(name,
               "is no directive; there are fail, fail-after, setup-fail, interrupt, hang, hang-after, setup, delay, "
               "pause, items, large, logs, malformed, null, awkward and webhook-only");
}

Result<void> add_steering(Steering& steering, std::string_view text) {
  if (text.size() > kMaxSteeringText) {
    return fail(ErrorCode::invalid_input, "it is longer than " + std::to_string(kMaxSteeringText) + " bytes");
  }
  while (!text.empty()) {
    const auto directive = trim(take_until(text, ';'));
    if (directive.empty()) continue;
    if (auto added = add_directive(steering, directive); !added) return added;
  }
  return {};
}

}  // namespace hekto::domain
