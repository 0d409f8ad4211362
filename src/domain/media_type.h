// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hekto::domain {

/// The media type of a file: by its first bytes, else by the ending of `name`, else text/plain for UTF-8 without NUL
/// and application/octet-stream for the rest. Looks at the first 4 KiB.
std::string_view guess_media_type(std::string_view name, std::string_view bytes);

/// type/subtype with or without parameters, of visible ASCII, at most 255 bytes: what may stand in a header.
bool is_media_type(std::string_view text);

/// Whether `type`, parameters aside, is the one that `pattern` names: "image/png", "image/*" or "*/*".
bool fits_media_type(std::string_view type, std::string_view pattern);

/// The usual file ending of a media type, such as ".png"; ".bin" when unknown. Parameters are ignored.
std::string_view ending_of(std::string_view media_type);

}  // namespace hekto::domain
