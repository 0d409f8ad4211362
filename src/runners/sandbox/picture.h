// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "runners/sandbox/image_options.h"

struct gdImageStruct;  // libgd's image: its names stay out of what does not draw

namespace hekto::runners {

struct Picture {
  int width = 1024;   ///< pixels, 16-4096
  int height = 1024;  ///< likewise
  ImageFormat format = ImageFormat::webp;
  int quality = 80;                           ///< 0-100, for webp and jpg
  std::uint64_t seed = 0;                     ///< shown, and decides the scene
  std::size_t index = 0;                      ///< which of several images of one seed
  std::string prompt;                         ///< UTF-8; set into the image, shortened with an ellipsis when it is long
  std::string model;                          ///< "owner/name"
  std::shared_ptr<gdImageStruct> given = {};  ///< what the picture shows, scaled to fill it; null: a landscape
  bool cutout = false;                        ///< whether the background is transparent, or white in a jpg
};

/// A drawn landscape, or the given image, with the prompt, the model's name, the seed and a sandbox mark on it,
/// encoded. The same Picture gives the same bytes on one installation (library versions and fonts decide the rest).
/// Costs tens of milliseconds: call on a pool thread. Any thread. internal when memory or an encoder gives out.
Result<std::string> draw_picture(const Picture& picture);

}  // namespace hekto::runners
