// SPDX-License-Identifier: Apache-2.0
#include "domain/hook_token.h"

#include "base/encoding.h"
#include "base/hash.h"
#include "base/ids.h"

namespace hekto::domain {
namespace {

constexpr std::size_t kAccountBytes = 8;
constexpr std::size_t kAttemptBytes = 16;
constexpr std::size_t kMacBytes = 16;
static_assert((kAccountBytes + kAttemptBytes + kMacBytes) * 8 / 5 == kHookTokenLength);

}  // namespace

std::string hook_account(std::string_view upstream, std::string_view account) {
  // Neither name holds a zero byte.
  std::string text(upstream);
  text += '\0';
  text += account;
  return sha256(text).substr(0, kAccountBytes);
}

std::string HookSigner::token(const HookTarget& target) const {
  std::string bytes = target.account + id_to_bytes(target.attempt);
  bytes += hmac_sha256(key_.reveal(), bytes).substr(0, kMacBytes);
  return base32_encode(bytes);
}

std::optional<HookTarget> HookSigner::verify(std::string_view token) const {
  const auto bytes = base32_decode(token, kAccountBytes + kAttemptBytes + kMacBytes);
  if (!bytes) return std::nullopt;
  const std::string_view payload = std::string_view(*bytes).substr(0, kAccountBytes + kAttemptBytes);
  const std::string expected = hmac_sha256(key_.reveal(), payload).substr(0, kMacBytes);
  if (!constant_time_equal(expected, std::string_view(*bytes).substr(payload.size()))) return std::nullopt;
  return HookTarget{std::string(payload.substr(0, kAccountBytes)), id_from_bytes(payload.substr(kAccountBytes))};
}

}  // namespace hekto::domain
