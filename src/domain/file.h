// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/time.h"

namespace hekto::domain {

/// A file that an account uploaded. Its bytes lie in the FileStore under (id, sha256).
struct File {
  std::string id;       ///< 26 characters of lower-case Crockford base32: 128 random bits
  std::string account;  ///< owning account id
  std::string name;     ///< UTF-8 without control characters and slashes, 1-255 bytes
  std::string content_type;
  std::uint64_t size = 0;       ///< bytes
  std::string sha256;           ///< 64 hex characters
  std::string metadata = "{}";  ///< the object that came with it, as compact JSON text
  Time created_at{};
  Time expires_at{};
  friend bool operator==(const File&, const File&) = default;
};

/// From then on the file is as if it had never been.
inline bool is_expired(const File& file, Time now) { return now >= file.expires_at; }

/// A new file id. Unlike a prediction id it holds no time, so that all of it is secret.
std::string new_file_id();

/// The id in the URL of one of our files: any origin, any mount of the API, then /files/{id}, with or without /download
/// and a query. The origin does not count, since a server is reached by many names and no two servers share an id.
std::optional<std::string> file_id_of_url(std::string_view url);

/// What may follow a file's name in a path or a header: the last segment of `name`, without control characters, cut to
/// 255 bytes of UTF-8; "file" when nothing is left.
std::string clean_file_name(std::string_view name);

/// Signs the query of GET /files/{id}/download, which needs no key. Immutable; any thread.
class FileSigner {
 public:
  explicit FileSigner(Secret key) : key_(std::move(key)) {}
  /// Base64 of HMAC-SHA256 over "{owner} {id} {expiry}"; `expiry` is in Unix seconds.
  std::string signature(std::string_view owner, std::string_view id, std::int64_t expiry) const;
  /// Says nothing about whether `expiry` has passed.
  bool verify(std::string_view owner, std::string_view id, std::int64_t expiry, std::string_view signature) const;

 private:
  Secret key_;
};

}  // namespace hekto::domain
