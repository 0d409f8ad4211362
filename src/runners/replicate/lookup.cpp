// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/lookup.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/text.h"
#include "domain/data_url.h"
#include "json/value_json.h"

namespace hekto::runners::replicate {
namespace {

using domain::RelayTarget;
using domain::Value;

std::string step(const std::string& pointer, std::string_view name) {
  std::string out = pointer + "/";
  for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

void add_urls(const Value& value, bool web_too, const std::string& pointer, std::set<std::string>& pointers) {
  if (const auto* text = value.as_string()) {
    const bool web = text->starts_with("http://") || text->starts_with("https://");
    if (domain::is_data_url(*text) || (web_too && web)) pointers.insert(pointer);
  } else if (const auto* list = value.as_array()) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      add_urls((*list)[i], web_too, pointer + "/" + std::to_string(i), pointers);
    }
  } else if (const auto* object = value.as_object()) {
    for (const auto& [name, member] : *object) add_urls(member, web_too, step(pointer, name), pointers);
  }
}

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
      write(out, member->second, step(pointer, member->first), hidden);
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

void add_url_pointers(const Value& value, bool web_too, std::set<std::string>& pointers) {
  add_urls(value, web_too, "", pointers);
}

std::string canonical(const Value& value, const std::set<std::string>& hidden) {
  std::string out;
  write(out, value, "", hidden);
  return out;
}

Likeness likeness(const Snapshot& shown, const RelayTarget& target, std::string_view name,
                  std::string_view canonical_input, const std::set<std::string>& hidden) {
  const std::string_view asked = target.name;
  if (target.kind != RelayTarget::Kind::model && target.kind != RelayTarget::Kind::deployment) {
    const auto version = asked.substr(asked.find(':') == std::string_view::npos ? 0 : asked.find(':') + 1);
    if (!shown.version.empty() && shown.version != version) return Likeness::none;
  }
  if (canonical(shown.input, hidden) != canonical_input) return Likeness::none;
  const bool named = target.kind == RelayTarget::Kind::model && !shown.model.empty();
  return named && !iequals(shown.model, name) ? Likeness::other_name : Likeness::all;
}

}  // namespace hekto::runners::replicate
