// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runners/sandbox/gd_image.h"
#include "runners/sandbox/typeface.h"

namespace hekto::runners {

struct Caption {
  std::string prompt;  ///< UTF-8
  std::string footer;  ///< one line: model, seed, size
};

/// Sets the caption into a translucent panel at the bottom, and the sandbox mark into a corner. Works from 16 pixels
/// on: what has no room is shortened or left out.
void draw_caption(gdImage& image, const Caption& caption, const Typeface& bold, const Typeface& regular);

/// Breaks text into at most `max_lines` lines of at most `room` pixels at letters of `size` pixels; what is left over
/// shows as "…" at the end. Breaks at white space, inside a word only when it is longer than a line. Control characters
/// count as space. `max_lines` is at least 1.
std::vector<std::string> wrap(std::string_view text, const Typeface& face, double size, double room,
                              std::size_t max_lines, bool& shortened);

}  // namespace hekto::runners
