// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "runners/sandbox/gd_image.h"

namespace hekto::runners {

/// Width and height that a PNG, JPEG, GIF or WebP file names; nullopt for anything else, and for what is damaged.
std::optional<std::pair<int, int>> image_size(std::string_view bytes);

/// Decodes such a file; nullptr when it cannot be, or has more than 40 million pixels: a small file can ask for more
/// memory than there is. Any thread; costs up to a second.
std::shared_ptr<gdImage> decode_image(std::string_view bytes);

/// Fills `target` with `source`, scaled so that nothing stays empty; what sticks out is cut off evenly.
void cover(gdImage& target, gdImage& source);

}  // namespace hekto::runners
