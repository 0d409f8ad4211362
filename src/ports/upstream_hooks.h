// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/error.h"

namespace hekto::ports {

/// A webhook of an upstream as it came in.
struct HookCall {
  std::string token;      ///< of its URL
  std::string id;         ///< the webhook-id header
  std::string timestamp;  ///< webhook-timestamp
  std::string signature;  ///< webhook-signature
  std::string body;
};

struct HookStats {
  std::uint64_t received = 0;  ///< with a token of ours
  std::uint64_t verified = 0;  ///< of these, signed by their account
  std::uint64_t refused = 0;   ///< of these, not
};

/// Takes what upstreams tell of the predictions that they run for us. Any thread.
class UpstreamHooks {
 public:
  virtual ~UpstreamHooks() = default;
  /// Whether the token is one of ours: nobody else's body need be read. Does not block.
  virtual bool knows(std::string_view token) const = 0;
  /// Takes note, and leaves all work to those that wait for news; what nobody waits for is no error. not_found: the
  /// token is not ours; unauthenticated: not signed by the account, or not now; invalid_input: signed, but it shows no
  /// prediction; unavailable: whether it is signed cannot be told at the moment.
  virtual async::Task<Result<void>> take(HookCall call) = 0;
  virtual HookStats hook_stats() const = 0;
};

}  // namespace hekto::ports
