// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

namespace hekto::egress {

/// First and last, both included.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

/// Which addresses and ports may be dialled for what clients name.
struct EgressPolicy {
  NetworkList allow;            ///< beside the internet
  bool allow_loopback = false;  ///< this machine: right only while nobody else can reach this server
  /// Below 1024 live services that were never meant to be spoken to in HTTP, mail for one.
  std::vector<PortRange> ports = {{80, 80}, {443, 443}, {1024, 65535}};
  /// Those that this server listens on. On this machine's addresses they are not dialled whatever else is allowed.
  std::vector<std::uint16_t> own_ports = {};
  /// Origins that the operator named, such as "https://api.replicate.com" or "http://127.0.0.1:9000": lower case, the
  /// port left out when it is the scheme's own. Their hosts are dialled wherever they are, but for our own ports.
  std::vector<std::string> trusted_origins = {};
  /// By such an origin, PEM files of the authorities that its certificates are checked against instead of the system's.
  std::map<std::string, std::string> ca_files = {};

  bool permits(const IpAddress& address, std::uint16_t port) const;
  bool is_own_port(std::uint16_t port) const;
  /// Whether the origin of this URL is one of trusted_origins.
  bool trusts(std::string_view url) const;
  /// The file of ca_files for the origin of this URL; empty: the system's authorities count.
  std::string ca_file(std::string_view url) const;
};

}  // namespace hekto::egress
