// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/picture.h"

#include <fmt/format.h>

#include "runners/sandbox/caption.h"
#include "runners/sandbox/gd_image.h"
#include "runners/sandbox/scene.h"
#include "runners/sandbox/splitmix.h"
#include "runners/sandbox/typeface.h"

namespace hekto::runners {

namespace {

constexpr int kPngLevel = 3;  // a third of the default level's time for a tenth more bytes

struct FreeGd {
  void operator()(void* memory) const { gdFree(memory); }
};

std::string encode(gdImage& image, ImageFormat format, int quality) {
  int size = 0;
  void* bytes = nullptr;
  switch (format) {
    case ImageFormat::webp:
      bytes = gdImageWebpPtrEx(&image, &size, quality);
      break;
    case ImageFormat::jpg:
      bytes = gdImageJpegPtr(&image, &size, quality);
      break;
    case ImageFormat::png:
      bytes = gdImagePngPtrEx(&image, &size, kPngLevel);
      break;
  }
  const std::unique_ptr<void, FreeGd> owner(bytes);
  if (bytes == nullptr || size <= 0) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

}  // namespace

Result<std::string> draw_picture(const Picture& picture) {
  const Image image(gdImageCreateTrueColor(picture.width, picture.height));
  if (image == nullptr) return fail(ErrorCode::internal, "there was no memory to draw the image");
  const std::uint64_t seed = (picture.seed + picture.index * 0x632be59bd9b4e019ULL) ^ seed_of(picture.prompt);
  draw_scene(*image, SplitMix(seed));
  const auto footer =
      fmt::format("{}  ·  seed {}{}  ·  {} × {}", picture.model, picture.seed,
                  picture.index > 0 ? fmt::format("  ·  image {}", picture.index) : "", picture.width, picture.height);
  draw_caption(*image, Caption{picture.prompt, footer}, Typeface::bold(), Typeface::regular());
  auto bytes = encode(*image, picture.format, picture.quality);
  if (bytes.empty()) return fail(ErrorCode::internal, "the image could not be encoded");
  return bytes;
}

}  // namespace hekto::runners
