// SPDX-License-Identifier: Apache-2.0
#include "base/ip_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>

namespace hekto {
namespace {

constexpr std::size_t kQuadAt = 12;  // where the IPv4 address lies in a mapped one
constexpr unsigned kMappedBits = 96;
constexpr IpAddress kMapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}};

bool has_prefix(const IpAddress& address, const IpAddress& block, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(block.bytes.begin(), block.bytes.begin() + whole, address.bytes.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFF00U >> (bits % 8));
  return (address.bytes[whole] & mask) == (block.bytes[whole] & mask);
}

bool is_mapped(const IpAddress& address) { return has_prefix(address, kMapped, kMappedBits); }

const NetworkList& special_ipv4() {
  static const NetworkList kList = *NetworkList::parse({
      "0.0.0.0/8",        // this network; 0.0.0.0 reaches this machine
      "10.0.0.0/8",       // private
      "100.64.0.0/10",    // shared by carriers
      "169.254.0.0/16",   // link-local, where clouds keep their metadata
      "172.16.0.0/12",    // private
      "192.0.0.0/24",     // protocol assignments
      "192.0.2.0/24",     // documentation
      "192.88.99.0/24",   // 6to4 relays
      "192.168.0.0/16",   // private
      "198.18.0.0/15",    // benchmarks
      "198.51.100.0/24",  // documentation
      "203.0.113.0/24",   // documentation
      "224.0.0.0/4",      // multicast
      "240.0.0.0/4",      // reserved, broadcast
  });
  return kList;
}

/// Inside 2000::/3, which alone is in use on the internet.
const NetworkList& special_ipv6() {
  static const NetworkList kList = *NetworkList::parse({
      "2001::/23",      // protocol assignments: Teredo, ORCHID, benchmarks
      "2001:db8::/32",  // documentation
      "2002::/16",      // 6to4, which hides an IPv4 address
      "3fff::/20",      // documentation
  });
  return kList;
}

}  // namespace

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  // inet_pton takes a C string: a NUL inside would hide what follows.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string copy(text);
  IpAddress address = kMapped;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data() + kQuadAt) == 1) return address;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string format_ip_address(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_mapped(address)) {
    inet_ntop(AF_INET, address.bytes.data() + kQuadAt, text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
  }
  return text.data();
}

AddressKind address_kind(const IpAddress& address) {
  static const IpAddress kLoopback6{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  static const IpAddress kNat64{{0, 0x64, 0xFF, 0x9B}};
  static const IpAddress kGlobalUnicast{{0x20}};
  if (is_mapped(address)) {
    if (address.bytes[kQuadAt] == 127) return AddressKind::loopback;
    return special_ipv4().contains(address) ? AddressKind::special : AddressKind::global;
  }
  if (address == kLoopback6) return AddressKind::loopback;
  if (has_prefix(address, kNat64, 96)) {
    IpAddress inner = kMapped;
    std::copy(address.bytes.begin() + kQuadAt, address.bytes.end(), inner.bytes.begin() + kQuadAt);
    return address_kind(inner) == AddressKind::global ? AddressKind::global : AddressKind::special;
  }
  const bool in_use = has_prefix(address, kGlobalUnicast, 3) && !special_ipv6().contains(address);
  return in_use ? AddressKind::global : AddressKind::special;
}

Result<NetworkList> NetworkList::parse(const std::vector<std::string>& entries) {
  NetworkList list;
  for (const std::string& entry : entries) {
    const auto refuse = [&] {
      return fail(ErrorCode::invalid_input, "'" + entry + "' is neither an IP address nor a block of them");
    };
    const auto slash = entry.find('/');
    const auto address = parse_ip_address(std::string_view(entry).substr(0, slash));
    if (!address) return refuse();
    // A prefix counts the bits of the form that it was written in.
    const unsigned base = entry.find(':') == std::string::npos ? kMappedBits : 0;
    unsigned bits = 128 - base;
    if (slash != std::string::npos) {
      const char* last = entry.data() + entry.size();
      const auto [end, error] = std::from_chars(entry.data() + slash + 1, last, bits);
      if (error != std::errc() || end != last || bits > 128 - base) return refuse();
    }
    list.blocks_.emplace_back(*address, base + bits);
  }
  return list;
}

bool NetworkList::contains(const IpAddress& address) const {
  return std::ranges::any_of(blocks_,
                             [&](const auto& block) { return has_prefix(address, block.first, block.second); });
}

}  // namespace hekto
