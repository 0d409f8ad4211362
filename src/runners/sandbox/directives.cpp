// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/directives.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/text.h"

namespace hekto::runners {

namespace {

constexpr std::string_view kOpen = "[sandbox:";
constexpr std::string_view kDefaultError = "The sandbox was asked to fail.";

void read_span(std::string_view text, Duration& into) {
  if (const auto span = parse_duration(text)) into = std::clamp<Duration>(*span, Duration{0}, std::chrono::minutes(10));
}

void apply_one(std::string_view name, std::string_view argument, Directives& out) {
  if (name == "fail") {
    out.fail = argument.empty() ? kDefaultError : argument;
  } else if (name == "fail-after") {
    std::size_t count = 0;
    const auto read = std::from_chars(argument.data(), argument.data() + argument.size(), count);
    if (read.ec == std::errc{} && read.ptr == argument.data() + argument.size()) out.fail_after = count;
  } else if (name == "setup") {
    read_span(argument, out.setup);
  } else if (name == "delay") {
    read_span(argument, out.delay);
  } else if (name == "pause") {
    read_span(argument, out.pause);
  } else if (name == "malformed") {
    out.malformed = true;
  }
}

}  // namespace

Directives parse_directives(std::string_view prompt) {
  Directives out;
  for (auto at = prompt.find(kOpen); at != std::string_view::npos; at = prompt.find(kOpen)) {
    prompt.remove_prefix(at + kOpen.size());
    const auto end = prompt.find(']');
    if (end == std::string_view::npos) break;
    std::string_view argument = prompt.substr(0, end);
    const std::string_view name = take_until(argument, '=');
    apply_one(name, argument, out);
  }
  return out;
}

}  // namespace hekto::runners
