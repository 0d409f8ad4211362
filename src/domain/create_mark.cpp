// SPDX-License-Identifier: Apache-2.0
#include "domain/create_mark.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/hash.h"

namespace hekto::domain {
namespace {

using namespace std::chrono_literals;

constexpr int kMaxRetryCount = 1000;
constexpr Duration kDefaultPatience = 60s;
constexpr Duration kMaxPatience = 10min;
constexpr Duration kRetryTime = 60s;

/// Adds `field` with its length before it, so that no two lists of fields give the same bytes.
void add(Sha256& hash, std::string_view field) {
  const std::string length = std::to_string(field.size()) + ":";
  hash.update(length);
  hash.update(field);
}

std::string make_scope(std::string_view kind, MarkOwner owner, std::string_view name) {
  Sha256 hash;
  add(hash, kind);
  add(hash, owner.account);
  add(hash, owner.test ? "test" : "live");
  add(hash, name);
  return hash.finish();
}

}  // namespace

std::string request_fingerprint(std::string_view path, std::string_view headers, std::string_view body) {
  Sha256 hash;
  add(hash, path);
  add(hash, headers);
  add(hash, body);
  return hash.finish();
}

Result<CreateMark> mark_by_key(MarkOwner owner, std::string_view key, std::string request, Time expires_at) {
  const bool printable = std::ranges::all_of(key, [](char c) { return c >= ' ' && c <= '~'; });
  if (key.empty() || key.size() > kMaxIdempotencyKey || !printable) {
    return fail(ErrorCode::invalid_input, "Idempotency-Key must be 1 to 255 characters of printable ASCII");
  }
  return CreateMark{make_scope("key", owner, key), std::move(request), std::nullopt, expires_at};
}

CreateMark mark_by_retry(MarkOwner owner, int retry, std::string request, Time expires_at) {
  auto scope = make_scope("retry", owner, request);
  return {std::move(scope), std::move(request), retry, expires_at};
}

std::optional<int> parse_retry_count(std::string_view text) {
  int count = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (ec != std::errc{} || end != text.data() + text.size() || count < 0 || count > kMaxRetryCount) return std::nullopt;
  return count;
}

Duration retry_window(std::optional<Duration> patience) {
  return std::clamp<Duration>(patience.value_or(kDefaultPatience), Duration{}, kMaxPatience) + kRetryTime;
}

bool recognises(const CreateMark& kept, const CreateMark& asked, Time now) {
  if (kept.scope != asked.scope || kept.expires_at <= now) return false;
  return !asked.retry || kept.retry.value_or(0) < *asked.retry;
}

}  // namespace hekto::domain
