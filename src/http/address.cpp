// SPDX-License-Identifier: Apache-2.0
#include "http/address.h"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <optional>

namespace hekto::http {

namespace {

constexpr AddressBytes kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr unsigned kMappedBits = 96;

bool has_prefix(const AddressBytes& address, const AddressBytes& block, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (std::memcmp(address.data(), block.data(), whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFF00U >> (bits % 8));
  return (address[whole] & mask) == (block[whole] & mask);
}

std::optional<std::pair<AddressBytes, unsigned>> parse_block(const std::string& entry) {
  const auto slash = entry.find('/');
  const std::string address = entry.substr(0, slash);
  AddressBytes bytes = kMappedPrefix;
  unsigned base = kMappedBits;
  if (inet_pton(AF_INET, address.c_str(), bytes.data() + 12) != 1) {
    if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return std::nullopt;
    base = 0;
  }
  unsigned bits = 128 - base;
  if (slash != std::string::npos) {
    const char* first = entry.data() + slash + 1;
    const char* last = entry.data() + entry.size();
    const auto [end, error] = std::from_chars(first, last, bits);
    if (error != std::errc() || end != last || bits > 128 - base) return std::nullopt;
  }
  return std::pair(bytes, base + bits);
}

}  // namespace

Result<AddressSet> AddressSet::parse(const std::vector<std::string>& entries) {
  AddressSet set;
  for (const std::string& entry : entries) {
    const auto block = parse_block(entry);
    if (!block) return fail(ErrorCode::invalid_input, "'" + entry + "' is neither an IP address nor a CIDR block");
    set.blocks_.push_back(*block);
  }
  return set;
}

bool AddressSet::contains(const AddressBytes& address) const {
  for (const auto& [block, bits] : blocks_) {
    if (has_prefix(address, block, bits)) return true;
  }
  return false;
}

Peer peer_of(const sockaddr_storage& address, const AddressSet& trusted) {
  AddressBytes bytes = kMappedPrefix;
  if (address.ss_family == AF_INET) {
    std::memcpy(bytes.data() + 12, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
  } else if (address.ss_family == AF_INET6) {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  } else {
    return {"", true, false};
  }
  Peer peer;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (has_prefix(bytes, kMappedPrefix, kMappedBits)) {
    inet_ntop(AF_INET, bytes.data() + 12, text.data(), text.size());
    peer.loopback = bytes[12] == 127;
  } else {
    inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    peer.loopback = IN6_IS_ADDR_LOOPBACK(reinterpret_cast<const in6_addr*>(bytes.data()));
  }
  peer.text = text.data();
  peer.trusted_proxy = trusted.contains(bytes);
  return peer;
}

}  // namespace hekto::http
