// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace hekto {

/// Appends `text` as a JSON string (RFC 8259) with quotes, as JSON.stringify would: only ", \\ and control characters
/// are escaped, other characters stay as they are. Bytes that are not UTF-8 become U+FFFD, so the result is always
/// valid JSON.
void append_json_string(std::string& out, std::string_view text);

/// The same without the quotes.
void append_json_escaped(std::string& out, std::string_view text);

}  // namespace hekto
