// SPDX-License-Identifier: Apache-2.0
#include "egress/egress_policy.h"

#include <algorithm>

#include "base/text.h"

namespace hekto::egress {
namespace {

/// 0.0.0.0 and :: reach this machine, too.
bool is_unspecified(const IpAddress& address) {
  static const IpAddress kAny4 = *parse_ip_address("0.0.0.0");
  return address == IpAddress{} || address == kAny4;
}

/// In the form of EgressPolicy::trusted_origins; empty when there is none.
std::string origin_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  std::string origin(url.substr(0, url.find_first_of("/?#", scheme + 3)));
  std::ranges::transform(origin, origin.begin(), ascii_lower);
  const std::string_view usual = origin.starts_with("https:") ? ":443" : ":80";
  if (origin.ends_with(usual)) origin.resize(origin.size() - usual.size());
  return origin;
}

}  // namespace

bool EgressPolicy::is_own_port(std::uint16_t port) const {
  return std::ranges::find(own_ports, port) != own_ports.end();
}

bool EgressPolicy::permits(const IpAddress& address, std::uint16_t port) const {
  const auto holds = [port](const PortRange& range) { return range.first <= port && port <= range.last; };
  if (std::ranges::none_of(ports, holds)) return false;
  const auto kind = address_kind(address);
  if (is_own_port(port) && (kind == AddressKind::loopback || is_unspecified(address))) return false;
  return kind == AddressKind::global || (kind == AddressKind::loopback && allow_loopback) || allow.contains(address);
}

bool EgressPolicy::trusts(std::string_view url) const {
  return !trusted_origins.empty() && std::ranges::find(trusted_origins, origin_of(url)) != trusted_origins.end();
}

std::string EgressPolicy::ca_file(std::string_view url) const {
  if (ca_files.empty()) return {};
  const auto found = ca_files.find(origin_of(url));
  return found == ca_files.end() ? std::string() : found->second;
}

}  // namespace hekto::egress
