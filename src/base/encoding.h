// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hekto {

std::string hex_encode(std::string_view bytes);                ///< lower case
std::optional<std::string> hex_decode(std::string_view text);  ///< either case; nullopt when malformed

/// RFC 4648 section 4, with padding.
std::string base64_encode(std::string_view bytes);
/// RFC 4648 section 5, without padding.
std::string base64url_encode(std::string_view bytes);
/// Accepts only the canonical unpadded form (unused bits zero), so that one value has one spelling.
std::optional<std::string> base64url_decode(std::string_view text);
/// RFC 4648 section 4; padding optional, whitespace refused.
std::optional<std::string> base64_decode(std::string_view text);

/// Lower-case Crockford base32 (0-9 a-z without i, l, o, u), most significant bits first, no padding.
std::string base32_encode(std::string_view bytes);
/// Inverse of base32_encode for `size` bytes; nullopt unless canonical.
std::optional<std::string> base32_decode(std::string_view text, std::size_t size);
/// Whether base32_decode would succeed, without making anything.
bool is_base32(std::string_view text, std::size_t size);

/// RFC 3986 percent decoding; nullopt on a bad escape. `plus_is_space` as in form-encoded queries.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
/// Escapes everything but unreserved characters.
std::string percent_encode(std::string_view text);

/// True when `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace hekto
