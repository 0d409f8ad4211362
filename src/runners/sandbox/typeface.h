// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runners/sandbox/gd_image.h"

namespace hekto::runners {

/// Letters for drawing: a TrueType file where one is installed, else libgd's built-in bitmap font, which knows ASCII
/// only. Any thread.
class Typeface {
 public:
  /// Takes the first of `paths` that exists.
  explicit Typeface(std::span<const std::string_view> paths);

  /// The bold and the regular face that Debian's font packages bring; looked for once.
  static const Typeface& bold();
  static const Typeface& regular();

  bool scalable() const { return !path_.empty(); }
  /// Width in pixels of one line of UTF-8 text with letters of `size` pixels.
  double width(const std::string& text, double size) const;
  /// Draws one line; (x, y) is the left end of its base line. `colour` may carry gd's alpha.
  void draw(gdImage& image, const std::string& text, double size, int x, int y, int colour) const;

 private:
  std::string path_;
};

}  // namespace hekto::runners
