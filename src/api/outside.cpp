// SPDX-License-Identifier: Apache-2.0
#include "api/outside.h"

#include "base/ip_address.h"
#include "base/text.h"

namespace hekto::api {
namespace {

bool is_loopback_name(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  while (host.ends_with('.')) host.remove_suffix(1);
  constexpr std::string_view kLocalhost = ".localhost";
  if (iequals(host, kLocalhost.substr(1))) return true;
  if (host.size() > kLocalhost.size() && iequals(host.substr(host.size() - kLocalhost.size()), kLocalhost)) return true;
  const auto address = parse_ip_address(host);
  return address && address_kind(*address) == AddressKind::loopback;
}

}  // namespace

bool names_a_proxy(const http::Request& request) {
  return request.has_header("forwarded") || request.has_header("x-forwarded-for") ||
         request.has_header("x-forwarded-host") || request.has_header("x-forwarded-proto") ||
         request.has_header("x-real-ip") || request.has_header("via");
}

bool comes_from_outside(const http::Request& request) {
  const auto host = request.header("host");
  return names_a_proxy(request) || (!host.empty() && !is_loopback_name(host));
}

}  // namespace hekto::api
