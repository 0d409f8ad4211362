// SPDX-License-Identifier: Apache-2.0
#include "app/egress_rules.h"

#include <algorithm>

#include "app/config_values.h"

namespace hekto::app {
namespace {

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = parse_ip_address(host);
  return address && address_kind(*address) == AddressKind::loopback;
}

/// The host of an origin such as "https://[::1]:8080".
std::string_view host_of(std::string_view origin) {
  origin.remove_prefix(std::min(origin.size(), origin.find("://") + 3));
  if (origin.starts_with('[')) return origin.substr(0, origin.find(']') + 1);
  return origin.substr(0, origin.find(':'));
}

}  // namespace

Result<egress::EgressPolicy> egress_policy(const Config& config) {
  auto allow = NetworkList::parse(config.egress_allow);
  if (!allow) return std::unexpected(allow.error());
  const bool alone = std::ranges::all_of(config.listen, [](const std::string& text) {
    const auto address = parse_listen(text);
    return address && is_loopback(address->host);
  });
  const bool named_alone = config.public_url.empty() || is_loopback(host_of(config.public_url));
  // Whoever names proxies has some; those that are trusted unasked may be missing.
  const auto usual = Config().trusted_proxies;
  const bool unproxied = std::ranges::all_of(
      config.trusted_proxies, [&](const std::string& proxy) { return std::ranges::find(usual, proxy) != usual.end(); });
  egress::EgressPolicy policy{std::move(*allow), alone && named_alone && unproxied, {}};
  for (const auto& text : config.egress_ports) {
    const auto ports = parse_ports(text);
    if (!ports) return std::unexpected(ports.error());
    policy.ports.push_back({ports->first, ports->second});
  }
  for (const auto& text : config.listen) {
    const auto address = parse_listen(text);
    if (address && address->port != 0) policy.own_ports.push_back(address->port);
  }
  return policy;
}

}  // namespace hekto::app
