// SPDX-License-Identifier: Apache-2.0
#include "domain/key.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/random.h"

namespace hekto::domain {
namespace {

constexpr std::size_t kIdLength = 10;
constexpr std::size_t kSecretLength = 32;
constexpr std::size_t kCheckLength = 6;
constexpr std::string_view kLivePrefix = "hk-";
constexpr std::string_view kTestPrefix = "hk-test-";

std::string check_characters(std::string_view text) { return base32_encode(sha256(text)).substr(0, kCheckLength); }

}  // namespace

bool is_account_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_valid_at(const Key& key, Time now) { return !key.revoked_at && (!key.expires_at || now < *key.expires_at); }

KeyText new_key_text(bool test) {
  const std::string random = base32_encode(random_string_bytes(30)).substr(0, kIdLength + kSecretLength);
  std::string text = std::string(test ? kTestPrefix : kLivePrefix) + random;
  text += check_characters(text);
  return {random.substr(0, kIdLength), Secret(std::move(text))};
}

std::optional<std::string_view> key_id_of(std::string_view text) {
  std::string_view body = text;
  if (body.starts_with(kTestPrefix)) {
    body.remove_prefix(kTestPrefix.size());
  } else if (body.starts_with(kLivePrefix)) {
    body.remove_prefix(kLivePrefix.size());
  } else {
    return std::nullopt;
  }
  if (body.size() != kIdLength + kSecretLength + kCheckLength) return std::nullopt;
  return body.substr(0, kIdLength);
}

bool is_whole_key(std::string_view text) {
  return key_id_of(text) &&
         check_characters(text.substr(0, text.size() - kCheckLength)) == text.substr(text.size() - kCheckLength);
}

}  // namespace hekto::domain
