// SPDX-License-Identifier: Apache-2.0
#include "domain/link.h"

#include "base/encoding.h"
#include "base/hash.h"
#include "base/ids.h"

namespace hekto::domain {
namespace {

constexpr std::size_t kPayloadBytes = 1 + 16 + 2;
constexpr std::size_t kMacBytes = 16;
static_assert(((kPayloadBytes + kMacBytes) * 8 + 4) / 5 == kLinkTokenLength);

}  // namespace

std::string LinkSigner::token(const Link& link) const {
  std::string bytes;
  bytes.reserve(kPayloadBytes + kMacBytes);
  bytes += static_cast<char>(link.kind);
  bytes += id_to_bytes(link.prediction_id);
  bytes += static_cast<char>(link.index >> 8);
  bytes += static_cast<char>(link.index & 0xFF);
  bytes += hmac_sha256(key_.reveal(), bytes).substr(0, kMacBytes);
  return base32_encode(bytes);
}

std::optional<Link> LinkSigner::verify(std::string_view token) const {
  const auto bytes = base32_decode(token, kPayloadBytes + kMacBytes);
  if (!bytes) return std::nullopt;
  const std::string_view payload = std::string_view(*bytes).substr(0, kPayloadBytes);
  const std::string expected = hmac_sha256(key_.reveal(), payload).substr(0, kMacBytes);
  if (!constant_time_equal(expected, std::string_view(*bytes).substr(kPayloadBytes))) return std::nullopt;
  Link link;
  link.kind = static_cast<LinkKind>(payload[0]);
  link.prediction_id = id_from_bytes(payload.substr(1, 16));
  link.index = static_cast<std::uint16_t>((static_cast<unsigned char>(payload[17]) << 8) |
                                          static_cast<unsigned char>(payload[18]));
  return link;
}

}  // namespace hekto::domain
