// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/directives.h"

namespace hekto::runners {

namespace {

constexpr std::string_view kOpen = "[sandbox:";

void read_all(const domain::Value& value, domain::Steering& steering) {
  if (const auto* text = value.as_string()) {
    // The content of a file is nobody's wish, and may be megabytes.
    if (!text->starts_with("data:")) read_directives(*text, steering);
  } else if (const auto* items = value.as_array()) {
    for (const auto& item : *items) read_all(item, steering);
  } else if (const auto* members = value.as_object()) {
    for (const auto& [name, member] : *members) read_all(member, steering);
  }
}

}  // namespace

void read_directives(std::string_view text, domain::Steering& steering) {
  for (auto at = text.find(kOpen); at != std::string_view::npos; at = text.find(kOpen)) {
    text.remove_prefix(at + kOpen.size());
    const auto end = text.find(']');
    if (end == std::string_view::npos) break;
    (void)domain::add_directive(steering, text.substr(0, end));
  }
}

domain::Steering steering_of(const domain::Value& input, std::string_view header) {
  domain::Steering steering;
  read_all(input, steering);
  (void)domain::add_steering(steering, header);  // checked when it was accepted
  return steering;
}

}  // namespace hekto::runners
