// SPDX-License-Identifier: Apache-2.0
#include "domain/schema_formats.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "base/ip_address.h"
#include "base/regex.h"
#include "base/text.h"
#include "domain/schema_text.h"

namespace hekto::domain {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Takes `least` to `most` digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t least, std::size_t most) {
  std::size_t length = 0;
  int number = 0;
  for (; length < most && length < text.size() && is_digit(text[length]); ++length) {
    number = number * 10 + (text[length] - '0');
  }
  if (length < least) return std::nullopt;
  text.remove_prefix(length);
  return number;
}

bool take_char(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_date(std::string_view& text) {
  const auto year = take_number(text, 4, 4);
  if (!year || !take_char(text, '-')) return false;
  const auto month = take_number(text, 2, 2);
  if (!month || !take_char(text, '-')) return false;
  const auto day = take_number(text, 2, 2);
  return day && std::chrono::year_month_day(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                            std::chrono::day(static_cast<unsigned>(*day)))
                    .ok();
}

/// hh:mm:ss with any fraction of a second.
bool take_clock(std::string_view& text) {
  const auto hour = take_number(text, 1, 2);
  if (!hour || *hour > 23 || !take_char(text, ':')) return false;
  const auto minute = take_number(text, 2, 2);
  if (!minute || *minute > 59 || !take_char(text, ':')) return false;
  const auto second = take_number(text, 2, 2);
  if (!second || *second > 59) return false;
  if (text.size() > 1 && (text[0] == '.' || text[0] == ',') && is_digit(text[1])) {
    text.remove_prefix(1);
    text.remove_prefix(std::min(text.size(), text.find_first_not_of("0123456789")));
  }
  return true;
}

/// Z, or an offset from it such as +07:00.
bool take_zone(std::string_view& text) {
  if (take_char(text, 'Z')) return true;
  if (!take_char(text, '+') && !take_char(text, '-')) return false;
  const auto hours = take_number(text, 2, 2);
  if (!hours || *hours > 24 || !take_char(text, ':')) return false;
  const auto minutes = take_number(text, 2, 2);
  return minutes && *minutes < 60;
}

bool is_date(std::string_view text) { return take_date(text) && text.empty(); }

bool is_time(std::string_view text) {
  if (!take_clock(text)) return false;
  return text.empty() || (take_zone(text) && text.empty());
}

bool is_date_time(std::string_view text) {
  if (is_date(text) || is_time(text)) return true;
  return take_date(text) && take_char(text, 'T') && take_clock(text) && take_zone(text) && text.empty();
}

bool is_hostname(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  while (true) {
    const auto label = text.substr(0, text.find('.'));
    const bool good = !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
                      std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
    if (!good) return false;
    if (label.size() == text.size()) return true;
    text.remove_prefix(label.size() + 1);
  }
}

// Dotted addresses that are written as IPv6 are both.
bool is_ipv4(std::string_view text) { return text.find('.') != text.npos && parse_ip_address(text); }
bool is_ipv6(std::string_view text) { return text.find(':') != text.npos && parse_ip_address(text); }

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = is_digit(text[i]) || (text[i] >= 'a' && text[i] <= 'f') || (text[i] >= 'A' && text[i] <= 'F');
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

/// Words of RFC 5322's atoms, or of any character beyond ASCII, with single dots between them.
bool is_dot_atom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != text.npos) return false;
  return std::ranges::all_of(text, [](char c) {
    return is_alnum(c) || static_cast<unsigned char>(c) >= 0x80 ||
           std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
  });
}

/// A text in quotes that holds neither quotes nor line breaks.
bool is_quoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' &&
         text.substr(1, text.size() - 2).find_first_of("\"\\\r\n") == text.npos;
}

bool is_address(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == text.npos) return false;
  const auto local = text.substr(0, at);
  const auto domain = text.substr(at + 1);
  const bool quoted = local.size() > 2 && is_quoted(local);
  const bool literal = domain.size() > 2 && domain.front() == '[' && domain.back() == ']' &&
                       parse_ip_address(domain.substr(1, domain.size() - 2));
  return (quoted || is_dot_atom(local)) && (literal || is_dot_atom(domain));
}

/// An address, alone or as "Name <address>".
bool is_email(std::string_view text) {
  text = trim(text);
  if (!text.ends_with('>')) return is_address(text);
  const auto open = text.rfind('<');
  if (open == text.npos || !is_address(text.substr(open + 1, text.size() - open - 2))) return false;
  const auto name = trim(text.substr(0, open));
  return is_quoted(name) || name.find_first_of("()<>[]:;@\\,\"\r\n") == name.npos;
}

bool is_regex(std::string_view text) { return Regex::compile(text).has_value(); }

/// Empty, or parts that begin with '/' and escape with ~0 and ~1 alone (RFC 6901).
bool is_json_pointer(std::string_view text) {
  if (!text.empty() && text.front() != '/') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
  }
  return true;
}

bool is_relative_json_pointer(std::string_view text) {
  const auto digits = std::min(text.size(), text.find_first_not_of("0123456789"));
  if (digits == 0 || (digits > 1 && text.front() == '0')) return false;
  text.remove_prefix(digits);
  return text == "#" || is_json_pointer(text);
}

constexpr std::array<std::pair<std::string_view, FormatCheck>, 14> kFormats = {
    {{"uri", is_absolute_uri},
     {"iri", is_absolute_uri},
     {"date-time", is_date_time},
     {"date", is_date},
     {"time", is_time},
     {"email", is_email},
     {"idn-email", is_email},
     {"hostname", is_hostname},
     {"ipv4", is_ipv4},
     {"ipv6", is_ipv6},
     {"uuid", is_uuid},
     {"regex", is_regex},
     {"json-pointer", is_json_pointer},
     {"relative-json-pointer", is_relative_json_pointer}}};

}  // namespace

FormatCheck find_format(std::string_view name) {
  const auto it = std::ranges::find(kFormats, name, &std::pair<std::string_view, FormatCheck>::first);
  return it == kFormats.end() ? nullptr : it->second;
}

}  // namespace hekto::domain
