// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runners/sandbox/gd_image.h"
#include "runners/sandbox/splitmix.h"

namespace hekto::runners {

/// Fills the image with a landscape: sky, a low sun or moon, ridges in haze and a line of firs. What `random` gives
/// decides everything.
void draw_scene(gdImage& image, SplitMix random);

}  // namespace hekto::runners
