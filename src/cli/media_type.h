// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hekto::cli {

/// The media type of a file: by its first bytes, else by the ending of `name`, else text/plain for UTF-8 without NUL
/// and application/octet-stream for the rest.
std::string_view guess_media_type(std::string_view name, std::string_view bytes);

/// The usual file ending of a media type, such as ".png"; ".bin" when unknown. Parameters are ignored.
std::string_view ending_of(std::string_view media_type);

}  // namespace hekto::cli
