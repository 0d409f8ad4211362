// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace hekto::domain {

/// What the URL says that an upstream is given for its webhooks: which submission it tells of, and who it is.
struct HookTarget {
  std::string account;  ///< 8 bytes that stand for the account of an upstream, see hook_account
  std::string attempt;  ///< as Submission::attempt
  friend bool operator==(const HookTarget&, const HookTarget&) = default;
};

/// The bytes that stand for an account.
std::string hook_account(std::string_view upstream, std::string_view account);

/// Characters of a token.
inline constexpr std::size_t kHookTokenLength = 64;

/// Signs and checks the tokens of such URLs: base32(account, attempt, HMAC-SHA256 truncated to 128 bits). They cannot
/// be forged and have one spelling. They carry no expiry: a submission that is over is of no interest any more.
/// Immutable; any thread.
class HookSigner {
 public:
  explicit HookSigner(Secret key) : key_(std::move(key)) {}
  /// `target.attempt` satisfies is_id.
  std::string token(const HookTarget& target) const;
  /// nullopt for anything that this key did not sign.
  std::optional<HookTarget> verify(std::string_view token) const;

 private:
  Secret key_;
};

}  // namespace hekto::domain
