// SPDX-License-Identifier: Apache-2.0
#include "domain/remote_name.h"

#include <algorithm>
#include <optional>

#include "base/encoding.h"
#include "base/text.h"
#include "domain/file.h"

namespace hekto::domain {
namespace {

/// UTF-8'language'percent-encoded (RFC 8187); nullopt for other charsets.
std::optional<std::string> extended_value(std::string_view text) {
  if (!iequals(take_until(text, '\''), "utf-8")) return std::nullopt;
  take_until(text, '\'');
  return percent_decode(text, false);
}

/// Takes one parameter's value off the front of `rest`: a token, or a quoted string with its backslashes.
std::string take_value(std::string_view& rest) {
  std::string value;
  rest = trim(rest);
  if (!rest.starts_with('"')) {
    value = trim(take_until(rest, ';'));
    return value;
  }
  std::size_t i = 1;
  for (; i < rest.size() && rest[i] != '"'; ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    value += rest[i];
  }
  rest.remove_prefix(std::min(i + 1, rest.size()));
  take_until(rest, ';');
  return value;
}

std::string name_of_disposition(std::string_view text) {
  take_until(text, ';');
  std::string plain;
  while (!text.empty()) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) break;
    const auto name = trim(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    auto value = take_value(text);
    if (iequals(name, "filename*")) {
      if (auto extended = extended_value(value)) return std::move(*extended);
    } else if (iequals(name, "filename") && plain.empty()) {
      plain = std::move(value);
    }
  }
  return plain;
}

std::string name_of_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const auto scheme = url.find("://");
  url.remove_prefix(scheme == std::string_view::npos ? 0 : scheme + 3);
  const auto slash = url.rfind('/');
  if (slash == std::string_view::npos) return {};
  return percent_decode(url.substr(slash + 1), false).value_or("");
}

}  // namespace

std::string remote_file_name(std::string_view content_disposition, std::string_view url) {
  auto name = name_of_disposition(content_disposition);
  if (name.empty()) name = name_of_url(url);
  return name.empty() ? name : clean_file_name(name);
}

}  // namespace hekto::domain
