// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace hekto {

/// An IP address in 16 bytes, IPv4 in mapped form (::ffff:a.b.c.d), so that both spellings are one value.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// Reads a dotted quad or an IPv6 address, without brackets, zone or port. Nothing shorter: "127.1" is no address here.
std::optional<IpAddress> parse_ip_address(std::string_view text);
/// Dotted for IPv4 however it was given, otherwise as RFC 5952 writes it.
std::string format_ip_address(const IpAddress& address);

/// Where a connection to an address would end.
enum class AddressKind : std::uint8_t {
  global,    ///< a host on the internet
  loopback,  ///< this machine: 127.0.0.0/8, ::1
  special,   ///< private, link-local, shared, multicast, documentation, tunnels, reserved, unspecified: anything else
};
/// After the IANA registries of special-purpose addresses; what is in doubt is special. IPv4 inside IPv6 (mapped, and
/// the well-known NAT64 prefix) counts as the IPv4 address it leads to.
AddressKind address_kind(const IpAddress& address);

/// A set of addresses and blocks of them, parsed once.
class NetworkList {
 public:
  /// Entries such as "10.0.0.0/8", "::1", "fd00::/8". invalid_input names the entry that is none.
  static Result<NetworkList> parse(const std::vector<std::string>& entries);
  bool contains(const IpAddress& address) const;

 private:
  std::vector<std::pair<IpAddress, unsigned>> blocks_;  // with the prefix length of the 128 bits
};

}  // namespace hekto
