// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "base/error.h"

namespace hekto::http {

/// An IP address in 16 bytes, IPv4 in mapped form (::ffff:a.b.c.d), so that a dual-stack listener compares alike.
using AddressBytes = std::array<std::uint8_t, 16>;

/// Who is at the other end of a connection.
struct Peer {
  std::string text;  ///< without port; IPv4 in dotted form however it came; "" for a Unix socket
  bool loopback = false;
  bool trusted_proxy = false;
};

/// A set of addresses and CIDR blocks, parsed once.
class AddressSet {
 public:
  /// Entries such as "10.0.0.0/8", "::1", "fd00::/8". invalid_input names the entry that is none.
  static Result<AddressSet> parse(const std::vector<std::string>& entries);
  bool contains(const AddressBytes& address) const;

 private:
  std::vector<std::pair<AddressBytes, unsigned>> blocks_;  // address and prefix length of the 128 bits
};

/// `address` as accept() gives it.
Peer peer_of(const sockaddr_storage& address, const AddressSet& trusted);

}  // namespace hekto::http
