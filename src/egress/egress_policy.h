// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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

  bool permits(const IpAddress& address, std::uint16_t port) const;
  bool is_own_port(std::uint16_t port) const;
};

}  // namespace hekto::egress
