// SPDX-License-Identifier: Apache-2.0
#include "domain/schema_text.h"

#include <algorithm>

#include "base/decimal.h"
#include "base/json_text.h"

namespace hekto::domain {
namespace {

void append_go_string(std::string& out, std::string_view text) {
  std::string plain;
  append_json_string(plain, text);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const std::string_view rest = std::string_view(plain).substr(i, 3);
    if (rest[0] == '<') {
      out += "\\u003c";
    } else if (rest[0] == '>') {
      out += "\\u003e";
    } else if (rest[0] == '&') {
      out += "\\u0026";
    } else if (rest == "\xE2\x80\xA8" || rest == "\xE2\x80\xA9") {  // line and paragraph separator
      out += rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += rest[0];
    }
  }
}

void append_canonical(std::string& out, const Value& value) {
  if (const auto* boolean = value.as_bool()) {
    out += *boolean ? "true" : "false";
  } else if (const auto* integer = value.as_int()) {
    out += std::to_string(*integer);
  } else if (const auto* number = value.as_double()) {
    append_json_number(out, *number);
  } else if (const auto* text = value.as_string()) {
    append_go_string(out, *text);
  } else if (const auto* array = value.as_array()) {
    out += '[';
    for (const auto& item : *array) {
      if (&item != array->data()) out += ',';
      append_canonical(out, item);
    }
    out += ']';
  } else if (const auto* object = value.as_object()) {
    std::vector<const Value::Member*> members;
    members.reserve(object->size());
    for (const auto& member : *object) members.push_back(&member);
    std::ranges::sort(members, {}, [](const Value::Member* member) -> const std::string& { return member->first; });
    out += '{';
    for (const auto* member : members) {
      if (member != members.front()) out += ',';
      append_go_string(out, member->first);
      out += ':';
      append_canonical(out, member->second);
    }
    out += '}';
  } else {
    out += "null";
  }
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool escapes_are_whole(std::string_view text) {
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (at + 2 >= text.size() || !is_hex(text[at + 1]) || !is_hex(text[at + 2])) return false;
  }
  return true;
}

/// host, host:port or [v6]:port, without user information.
bool is_host(std::string_view host) {
  std::string_view port;
  if (host.starts_with('[')) {
    const auto close = host.rfind(']');
    if (close == std::string_view::npos) return false;
    port = host.substr(close + 1);
  } else if (const auto colon = host.rfind(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
  }
  if (!port.empty() && (port.front() != ':' || !std::ranges::all_of(port.substr(1), is_digit))) return false;
  // In a host, escapes may only stand for bytes outside ASCII, and for the '%' before an IPv6 zone.
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (host[i] == '%' && (i + 1 >= host.size() || host[i + 1] < '8') && host.substr(i, 3) != "%25") return false;
  }
  return escapes_are_whole(host) && host.find_first_of(" ^`{|}") == std::string_view::npos;
}

bool is_user(std::string_view user) {
  return escapes_are_whole(user) && std::ranges::all_of(user, [](char c) {
           return is_letter(c) || is_digit(c) ||
                  std::string_view("-._:~!$&'()*+,;=%@").find(c) != std::string_view::npos;
         });
}

}  // namespace

std::string limit_text(const Value& number) {
  const Decimal decimal = number.as_int() != nullptr ? Decimal(*number.as_int()) : Decimal(number.number());
  const bool plain = decimal.exponent() >= -4 && decimal.exponent() < 6;
  return plain ? decimal.plain() : decimal.scientific(2);
}

std::string canonical_text(const Value& value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

bool is_absolute_uri(std::string_view text) {
  const auto forbidden = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f || c == '\\'; };
  if (text.empty() || !is_letter(text.front()) || std::ranges::any_of(text, forbidden)) return false;
  const auto scheme_end = std::ranges::find_if_not(
      text, [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; });
  if (scheme_end == text.end() || *scheme_end != ':') return false;

  auto rest = text.substr(static_cast<std::size_t>(scheme_end - text.begin()) + 1);
  if (const auto hash = rest.find('#'); hash != std::string_view::npos) {
    if (!escapes_are_whole(rest.substr(hash + 1))) return false;
    rest = rest.substr(0, hash);
  }
  if (!rest.starts_with('/')) return true;  // opaque: data:, mailto:
  rest = rest.substr(0, rest.find('?'));
  if (rest.starts_with("//") && !rest.starts_with("///")) {
    rest.remove_prefix(2);
    const auto slash = std::min(rest.find('/'), rest.size());
    auto authority = rest.substr(0, slash);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
      if (!is_user(authority.substr(0, at))) return false;
      authority.remove_prefix(at + 1);
    }
    if (!is_host(authority)) return false;
    rest.remove_prefix(slash);
  }
  return escapes_are_whole(rest);
}

}  // namespace hekto::domain
