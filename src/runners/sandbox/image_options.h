// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runners/sandbox/inputs.h"

namespace hekto::runners {

enum class ImageFormat { webp, jpg, png };

/// What an input asks of an image model.
struct ImageOptions {
  int count = 1;  ///< 1-4
  int width = 1024;
  int height = 1024;
  ImageFormat format = ImageFormat::png;
  std::string extension = "png";  ///< as the input spells the format: "jpg" or "jpeg"
  int quality = 80;               ///< 0-100; png has none
};

/// Reads num_outputs, output_format, output_quality and the size: aspect_ratio with megapixels where the model has
/// them (FLUX), else width and height (SDXL; 64-2048, cut to a multiple of 8). Where none of these was sent, an image
/// that was given (its size is `given`) decides, multiplied by scale, scale_factor or upscale_factor; at most 4096 a
/// side. Never fails: what makes no sense gets the model's default.
ImageOptions image_options(const Inputs& inputs, std::optional<std::pair<int, int>> given = std::nullopt);

/// Such as "image/webp".
std::string_view content_type(ImageFormat format);

}  // namespace hekto::runners
