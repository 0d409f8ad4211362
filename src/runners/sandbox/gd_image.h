// SPDX-License-Identifier: Apache-2.0
// Included by what draws only, so that libgd's names stay out of the rest.
#pragma once

#include <algorithm>
#include <memory>

#include <gd.h>

namespace hekto::runners {

struct DestroyGd {
  void operator()(gdImage* image) const { gdImageDestroy(image); }
};
/// A true-colour image.
using Image = std::unique_ptr<gdImage, DestroyGd>;

struct Rgb {
  int r = 0;
  int g = 0;
  int b = 0;
};

constexpr int pack(Rgb c) { return c.r << 16 | c.g << 8 | c.b; }

/// `share` of 256 parts of `b`, the rest `a`.
constexpr Rgb mix(Rgb a, Rgb b, int share) {
  return {a.r + (b.r - a.r) * share / 256, a.g + (b.g - a.g) * share / 256, a.b + (b.b - a.b) * share / 256};
}

constexpr Rgb unpack(int pixel) { return {pixel >> 16 & 255, pixel >> 8 & 255, pixel & 255}; }

}  // namespace hekto::runners
