// SPDX-License-Identifier: Apache-2.0
#include "app/config_hooks.h"

#include <algorithm>
#include <iterator>

#include "base/ip_address.h"
#include "domain/http_url.h"

namespace hekto::app {
namespace {

using runners::replicate::UpstreamOptions;

/// Followed by a token: the path of api/upstream_webhooks.cpp.
constexpr std::string_view kHookPath = "/upstream-webhooks/";
/// Ends of host names that lead nowhere from outside.
constexpr std::string_view kLocalNames[] = {"localhost", "local", "internal", "lan", "home", "arpa"};

}  // namespace

bool is_public_origin(std::string_view url) {
  const auto parsed = domain::parse_http_url(url);
  if (!parsed || !parsed->origin.starts_with("https://")) return false;
  auto host = std::string_view(parsed->origin).substr(8);
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  if (const auto address = parse_ip_address(host)) return address_kind(*address) == AddressKind::global;
  const auto dot = host.rfind('.');
  if (dot == std::string_view::npos) return false;
  const auto last = host.substr(dot + 1);
  return std::ranges::find(kLocalNames, last) == std::end(kLocalNames);
}

Result<void> place_webhooks(std::vector<UpstreamOptions>& upstreams, const std::string& public_url) {
  for (auto& upstream : upstreams) {
    using enum UpstreamOptions::Webhooks;
    if (upstream.webhooks == on && public_url.empty()) {
      return fail(ErrorCode::invalid_input,
                  "the upstream '" + upstream.name + "' is to call webhooks of this server, but public_url is not set");
    }
    const bool wanted = upstream.webhooks == on || (upstream.webhooks == automatic && is_public_origin(public_url));
    upstream.webhook_url = wanted ? public_url + std::string(kHookPath) : std::string();
  }
  return {};
}

}  // namespace hekto::app
