// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/lookup.h"

#include <algorithm>

#include "base/json_text.h"
#include "json/value_json.h"

namespace hekto::runners::replicate {
namespace {

using domain::RelayTarget;
using domain::Value;

void write(std::string& out, const Value& value, const std::string& pointer, const std::set<std::string>& hidden) {
  if (hidden.contains(pointer)) {
    out += "hidden";
  } else if (const auto* list = value.as_array()) {
    out += '[';
    for (std::size_t i = 0; i < list->size(); ++i) {
      write(out, (*list)[i], pointer + "/" + std::to_string(i), hidden);
      out += ',';
    }
    out += ']';
  } else if (const auto* object = value.as_object()) {
    std::vector<const std::pair<std::string, Value>*> members;
    for (const auto& member : *object) members.push_back(&member);
    std::ranges::sort(members, {}, [](const auto* member) { return std::string_view(member->first); });
    out += '{';
    for (const auto* member : members) {
      append_json_string(out, member->first);
      out += ':';
      std::string step = pointer + "/";
      for (const char c : member->first) step += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      write(out, member->second, step, hidden);
      out += ',';
    }
    out += '}';
  } else if (value.is_number()) {
    json::append_number(out, value.number());
  } else {
    json::append(out, value);
  }
}

}  // namespace

std::string canonical(const Value& value, const std::set<std::string>& hidden) {
  std::string out;
  write(out, value, "", hidden);
  return out;
}

bool may_be(const Snapshot& shown, const RelayTarget& target, std::string_view canonical_input,
            const std::set<std::string>& hidden) {
  const std::string_view name = target.name;
  if (target.kind == RelayTarget::Kind::version || target.kind == RelayTarget::Kind::training) {
    const auto version = name.substr(name.find(':') == std::string_view::npos ? 0 : name.find(':') + 1);
    if (!shown.version.empty() && shown.version != version) return false;
  }
  return canonical(shown.input, hidden) == canonical_input;
}

}  // namespace hekto::runners::replicate
