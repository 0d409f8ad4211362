// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace hekto::domain {

/// What a create is recognised by when the client sends it again because it never saw the answer. Kept together with
/// the prediction that it made. Hashes only: neither the client's key nor its body is stored a second time.
///
/// There are two kinds. A mark by key comes from an Idempotency-Key: whoever sends the key again means the same create.
/// A mark by retry comes from a client that only counts its attempts (x-stainless-retry-count): an attempt n > 0 means
/// an identical create of which fewer attempts have been seen.
struct CreateMark {
  std::string scope;         ///< 32 raw bytes: whose it is, and the key or, by retry, the request
  std::string request;       ///< 32 raw bytes: request_fingerprint()
  std::optional<int> retry;  ///< the client's count, 0 for a first attempt; nullopt: by key
  Time expires_at{};         ///< from then on it recognises nothing
  friend bool operator==(const CreateMark&, const CreateMark&) = default;
};

/// Whose creates are kept apart from whose: accounts, and in them what a test key makes from what others make, because
/// it runs elsewhere.
struct MarkOwner {
  std::string_view account;
  bool test = false;
};

/// What two creates must share to be one: the path (without what differs between mounts), what they ask for in headers,
/// and the bytes of the body. 32 raw bytes.
std::string request_fingerprint(std::string_view path, std::string_view headers, std::string_view body);

inline constexpr std::size_t kMaxIdempotencyKey = 255;
/// The mark of a create with this Idempotency-Key. invalid_input unless it is 1 to 255 characters of printable ASCII.
Result<CreateMark> mark_by_key(MarkOwner owner, std::string_view key, std::string request, Time expires_at);

/// The mark of attempt `retry` of a client that counts.
CreateMark mark_by_retry(MarkOwner owner, int retry, std::string request, Time expires_at);
/// What an x-stainless-retry-count says; nullopt unless it is a number from 0 to 1000.
std::optional<int> parse_retry_count(std::string_view text);

/// How long a mark by retry counts: the client sends the create again when its own time for the answer is over, so that
/// time (`patience`; 60 s when it did not say, 10 minutes at most) is added to the minute in which it does so.
Duration retry_window(std::optional<Duration> patience);

/// Whether a create with mark `asked` is the one that left `kept`. By key: also when its request differs, which is for
/// the caller to refuse.
bool recognises(const CreateMark& kept, const CreateMark& asked, Time now);

}  // namespace hekto::domain
