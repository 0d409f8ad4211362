// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace hekto::domain {

/// What a signed URL opens without a key.
enum class LinkKind : std::uint8_t {
  delivery = 1,     ///< output file `index` of a prediction
  text_stream = 2,  ///< the event stream of a prediction
  file_stream = 3,  ///< the event stream of a prediction whose output is files
};

struct Link {
  LinkKind kind = LinkKind::delivery;
  std::string prediction_id;
  std::uint16_t index = 0;
  friend bool operator==(const Link&, const Link&) = default;
};

/// Characters of a token. A file id has 26, so that the two can share a path.
inline constexpr std::size_t kLinkTokenLength = 56;

/// Signs and checks links. A token is base32(kind, id, index, HMAC-SHA256 truncated to 128 bits): it cannot be forged
/// and has one spelling. It carries no expiry, because the prediction it names does: what a link opens ends with
/// completed_at + the configured life, checked by whoever serves it. Immutable; any thread.
class LinkSigner {
 public:
  explicit LinkSigner(Secret key) : key_(std::move(key)) {}
  std::string token(const Link& link) const;
  /// nullopt for anything that this key did not sign.
  std::optional<Link> verify(std::string_view token) const;

 private:
  Secret key_;
};

}  // namespace hekto::domain
