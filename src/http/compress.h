// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hekto::http {

/// Whether an Accept-Encoding value (RFC 9110 12.5.3) allows gzip: named, or by "*", with a q above 0.
bool accepts_gzip(std::string_view accept_encoding);

/// text/*, application/json and application/problem+json, whatever parameters follow.
bool is_compressible_type(std::string_view content_type);

/// `text` as a gzip member, fast rather than small. nullopt when zlib fails or nothing is gained.
/// Uses one compressor a thread.
std::optional<std::string> gzip(std::string_view text);

}  // namespace hekto::http
