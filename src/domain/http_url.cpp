// SPDX-License-Identifier: Apache-2.0
#include "domain/http_url.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/ip_address.h"
#include "base/text.h"

namespace hekto::domain {
namespace {

constexpr std::size_t kMaxUrl = 4096;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// A name or an IPv4 address in any spelling: which address it is decides itself when it is dialled.
bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 255 && host.front() != '.' && host.find("..") == std::string_view::npos &&
         std::ranges::all_of(host, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_'; });
}

bool is_host(std::string_view host) {
  if (!host.starts_with('[')) return is_host_name(host);
  return host.ends_with(']') && host.find(':') != std::string_view::npos &&
         parse_ip_address(host.substr(1, host.size() - 2));
}

/// Splits "host:port"; nullopt when the port is none. No port is 0.
std::optional<std::pair<std::string_view, unsigned>> split_port(std::string_view authority) {
  const auto bracket = authority.rfind(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return std::pair(authority, 0U);
  const auto digits = authority.substr(colon + 1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0 || port > 65535) return std::nullopt;
  return std::pair(authority.substr(0, colon), port);
}

}  // namespace

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  const bool doubtful = std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7F || c == '\\';
  });
  if (doubtful || text.size() > kMaxUrl || !is_utf8(text)) return std::nullopt;

  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  const auto scheme = text.substr(0, colon);
  const bool secure = iequals(scheme, "https");
  if (!secure && !iequals(scheme, "http")) return std::nullopt;

  const auto rest = text.substr(colon + 3);
  const auto path_at = std::min(rest.find_first_of("/?#"), rest.size());
  const auto parts = split_port(rest.substr(0, path_at));
  if (!parts || !is_host(parts->first)) return std::nullopt;

  HttpUrl url;
  url.origin = secure ? "https://" : "http://";
  for (const char c : parts->first) url.origin += ascii_lower(c);
  if (parts->second != 0 && parts->second != (secure ? 443 : 80)) url.origin += ':' + std::to_string(parts->second);
  url.request = url.origin;
  const auto path =
      rest.substr(path_at, rest.find('#') == std::string_view::npos ? rest.npos : rest.find('#') - path_at);
  if (!path.starts_with('/')) url.request += '/';
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x80) {
      url.request += c;
    } else {
      url.request += percent_encode(std::string_view(&c, 1));
    }
  }
  return url;
}

}  // namespace hekto::domain
