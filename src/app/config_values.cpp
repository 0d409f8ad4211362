// SPDX-License-Identifier: Apache-2.0
#include "app/config_values.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "app/config.h"
#include "base/encoding.h"
#include "base/text.h"
#include "domain/media_type.h"

namespace hekto::app {
namespace {

struct Unit {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<Unit, 7> kUnits{{{"GiB", 1ULL << 30},
                                      {"MiB", 1ULL << 20},
                                      {"KiB", 1ULL << 10},
                                      {"GB", 1'000'000'000},
                                      {"MB", 1'000'000},
                                      {"kB", 1'000},
                                      {"B", 1}}};

template <class T>
bool read_all(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(family, text.c_str(), bytes.data()) == 1;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '-' && text.front() != '.' &&
         std::ranges::all_of(
             text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

/// Splits "host:port" or "[v6]:port"; the port may be missing. False when the brackets do not match up.
bool split_host(std::string_view text, std::string& host, std::string_view& port, bool& bracketed) {
  bracketed = text.starts_with('[');
  const auto end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && end == std::string_view::npos) return false;
  host = text.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
  const auto rest = end == std::string_view::npos ? std::string_view{} : text.substr(end + (bracketed ? 1 : 0));
  if (!rest.empty() && rest.front() != ':') return false;
  port = rest;
  return true;
}

bool read_port(std::string_view text, std::uint16_t& port) { return text.size() <= 5 && read_all(text, port); }

}  // namespace

std::unexpected<Error> unexpected_text(std::string_view what, std::string_view text) {
  std::string shown(text.substr(0, 80));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (text.size() > shown.size()) shown += "...";
  return fail(ErrorCode::invalid_input, "expects " + std::string(what) + ", got '" + shown + "'");
}

Result<std::size_t> parse_size(std::string_view text) {
  const auto bad = [&] { return unexpected_text("a size such as 64KiB, 16MiB or a number of bytes", text); };
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto unit_name = trim(text.substr(digits));
  std::size_t number = 0;
  if (!read_all(text.substr(0, digits), number)) return bad();
  if (unit_name.empty()) return number;
  const auto unit = std::ranges::find_if(kUnits, [&](const Unit& u) { return iequals(u.name, unit_name); });
  if (unit == kUnits.end() || number > std::numeric_limits<std::size_t>::max() / unit->bytes) return bad();
  return number * unit->bytes;
}

Result<Duration> parse_span(std::string_view text) {
  auto span = parse_duration(text);
  if (!span) return unexpected_text("a duration such as 90s, 1h30m or 30d", text);
  return span;
}

Result<std::size_t> parse_count(std::string_view text) {
  std::size_t number = 0;
  if (!read_all(text, number)) return unexpected_text("a whole number", text);
  return number;
}

Result<double> parse_factor(std::string_view text) {
  double number = 0;
  if (!read_all(text, number) || !std::isfinite(number) || number < 0) {
    return unexpected_text("a number such as 1 or 0.5", text);
  }
  return number;
}

Result<std::string> parse_origin(std::string_view text) {
  const auto bad = [&] {
    return unexpected_text("an origin such as https://hekto.example (http or https, host, perhaps a port, no path)",
                           text);
  };
  std::string origin(text);
  std::ranges::transform(origin, origin.begin(), ascii_lower);
  if (origin.ends_with('/')) origin.pop_back();
  std::string_view rest = origin;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return bad();
  }
  std::string host;
  std::string_view port;
  bool bracketed = false;
  if (!split_host(rest, host, port, bracketed)) return bad();
  if (bracketed ? !is_address(AF_INET6, host) : !is_host_name(host)) return bad();
  std::uint16_t number = 0;
  if (!port.empty() && (!read_port(port.substr(1), number) || number == 0)) return bad();
  return origin;
}

Result<domain::Hardware> parse_hardware(std::string_view text) {
  std::string_view name = text;
  const auto sku = take_until(name, '=');
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  if (sku.empty() || name.empty() || sku.size() > 100 || name.size() > 100 ||
      sku.find_first_not_of(kAlphabet) != std::string_view::npos || !is_utf8(name)) {
    return unexpected_text("SKU=NAME such as gpu-t4=Nvidia T4 GPU", text);
  }
  return domain::Hardware{std::string(sku), std::string(name)};
}

Result<std::string> parse_media_pattern(std::string_view text) {
  const bool group = text.ends_with("/*");
  const std::string example = group ? std::string(text.substr(0, text.size() - 1)) + "x" : std::string(text);
  if (text != "*/*" && (!domain::is_media_type(example) || text.find(';') != std::string_view::npos)) {
    return unexpected_text("a media type such as image/png, image/* or */*", text);
  }
  return std::string(text);
}

Result<std::string> parse_network(std::string_view text) {
  const auto bad = [&] { return unexpected_text("an address or block such as 10.0.0.0/8 or ::1", text); };
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const bool v4 = is_address(AF_INET, address);
  if (!v4 && !is_address(AF_INET6, address)) return bad();
  if (slash != std::string_view::npos) {
    unsigned bits = 0;
    if (!read_all(text.substr(slash + 1), bits) || bits > (v4 ? 32U : 128U)) return bad();
  }
  return std::string(text);
}

Result<std::pair<std::uint16_t, std::uint16_t>> parse_ports(std::string_view text) {
  const auto dash = text.find('-');
  std::uint16_t first = 0, last = 0;
  bool good = read_all(text.substr(0, dash), first);
  last = first;
  if (dash != std::string_view::npos) good = read_all(text.substr(dash + 1), last) && good;
  if (!good || first == 0 || last < first) {
    return unexpected_text("a port or a range of them such as 443 or 1024-65535", text);
  }
  return std::pair(first, last);
}

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto bad = [&] {
    return unexpected_text(
        "HOST:PORT with an address of this machine, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080", text);
  };
  ListenAddress address;
  std::string_view port;
  bool bracketed = false;
  if (!split_host(text, address.host, port, bracketed) || port.empty()) return bad();
  if (!read_port(port.substr(1), address.port)) return bad();
  if (!bracketed && iequals(address.host, "localhost")) address.host = "127.0.0.1";
  if (!is_address(bracketed ? AF_INET6 : AF_INET, address.host)) return bad();
  return address;
}

std::string format_size(std::size_t bytes) {
  for (const auto& unit : kUnits) {
    if (unit.name.ends_with("iB") && bytes >= unit.bytes && bytes % unit.bytes == 0) {
      return std::to_string(bytes / unit.bytes) + std::string(unit.name);
    }
  }
  return std::to_string(bytes);
}

std::string format_span(Duration span) {
  using namespace std::chrono_literals;
  constexpr std::array<std::pair<std::string_view, Duration>, 5> kSpans{
      {{"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}}};
  std::string text;
  for (const auto& [name, unit] : kSpans) {
    if (span >= unit) text += std::to_string(span / unit) + std::string(name);
    span %= unit;
  }
  return text.empty() ? "0s" : text;
}

std::string format_factor(double factor) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), factor).ptr;
  return {buffer.data(), end};
}

}  // namespace hekto::app
