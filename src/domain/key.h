// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/time.h"

namespace hekto::domain {

/// A tenant: owns keys, predictions and everything else a key creates.
struct Account {
  std::string id;    ///< 26 characters, as prediction ids
  std::string name;  ///< unique; lower-case letters, digits, '-', '_', 1-64 characters
  Time created_at{};
  friend bool operator==(const Account&, const Account&) = default;
};

bool is_account_name(std::string_view text);

/// A key as it is kept: the key itself is never stored, only its SHA-256.
struct Key {
  std::string id;       ///< 10 characters, part of the key's text; safe to show and to log
  std::string account;  ///< account id
  std::string name;     ///< for people, 1-100 characters
  bool test = false;    ///< hk-test-…: always runs in the sandbox
  std::string sha256;   ///< 32 raw bytes of the whole key text
  Time created_at{};
  std::optional<Time> expires_at;
  std::optional<Time> revoked_at;
  friend bool operator==(const Key&, const Key&) = default;
};

/// Whether the key opens anything at `now`.
bool is_valid_at(const Key& key, Time now);

/// "hk-<id><secret><check>" or "hk-test-…": id 10, secret 32 (160 bits), check 6 characters of Crockford base32. The
/// check characters are SHA-256 of what precedes them, so that a mistyped key is refused without looking it up.
struct KeyText {
  std::string id;
  Secret text;
};
KeyText new_key_text(bool test);

/// The id inside a text of the shape of a key; nullopt for any other. Cheap: says nothing about the check characters.
std::optional<std::string_view> key_id_of(std::string_view text);

/// Whether `text` has the shape of a key and its check characters fit: false for one that was mistyped or cut.
bool is_whole_key(std::string_view text);

}  // namespace hekto::domain
