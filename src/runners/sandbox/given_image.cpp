// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/given_image.h"

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace hekto::runners {

namespace {

constexpr std::int64_t kMostPixels = 40'000'000;

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}
int big(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < count; ++i) number = number << 8 | byte_at(bytes, at + i);
  return static_cast<int>(number & 0x7fffffff);
}
int little(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = count; i > 0; --i) number = number << 8 | byte_at(bytes, at + i - 1);
  return static_cast<int>(number & 0x7fffffff);
}

/// The size stands in the first frame header, behind segments of any number.
std::optional<std::pair<int, int>> jpeg_size(std::string_view bytes) {
  for (std::size_t at = 2; at + 9 < bytes.size() && byte_at(bytes, at) == 0xff;) {
    const auto marker = byte_at(bytes, at + 1);
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) return std::pair(big(bytes, at + 7, 2), big(bytes, at + 5, 2));
    at += marker == 0xff ? 1 : 2 + static_cast<std::size_t>(big(bytes, at + 2, 2));
  }
  return std::nullopt;
}

std::optional<std::pair<int, int>> webp_size(std::string_view bytes) {
  const auto kind = bytes.substr(12, 4);
  if (kind == "VP8X") return std::pair(little(bytes, 24, 3) + 1, little(bytes, 27, 3) + 1);
  if (kind == "VP8 ") return std::pair(little(bytes, 26, 2) & 0x3fff, little(bytes, 28, 2) & 0x3fff);
  if (kind != "VP8L") return std::nullopt;
  const int packed = little(bytes, 21, 4);
  return std::pair((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1);
}

}  // namespace

std::optional<std::pair<int, int>> image_size(std::string_view bytes) {
  if (bytes.size() < 30) return std::nullopt;
  std::optional<std::pair<int, int>> size;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) size = std::pair(big(bytes, 16, 4), big(bytes, 20, 4));
  if (bytes.starts_with("GIF8")) size = std::pair(little(bytes, 6, 2), little(bytes, 8, 2));
  if (bytes.starts_with("\xff\xd8")) size = jpeg_size(bytes);
  if (bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") size = webp_size(bytes);
  if (!size || size->first < 1 || size->second < 1) return std::nullopt;
  return size;
}

std::shared_ptr<gdImage> decode_image(std::string_view bytes) {
  // A damaged file is the caller's affair; libgd would write about it to standard error, between the log's lines.
  static std::once_flag once;
  std::call_once(once, [] { gdSetErrorMethod([](int, const char*, va_list) {}); });
  const auto named = image_size(bytes);
  if (!named || std::int64_t{named->first} * named->second > kMostPixels || bytes.size() > 0x7fffffff) return nullptr;
  const int size = static_cast<int>(bytes.size());
  void* data = const_cast<char*>(bytes.data());  // libgd does not write into it
  gdImagePtr image = nullptr;
  if (bytes.starts_with("\x89PNG")) image = gdImageCreateFromPngPtr(size, data);
  if (bytes.starts_with("GIF8")) image = gdImageCreateFromGifPtr(size, data);
  if (bytes.starts_with("\xff\xd8")) image = gdImageCreateFromJpegPtr(size, data);
  if (bytes.starts_with("RIFF")) image = gdImageCreateFromWebpPtr(size, data);
  if (image == nullptr) return nullptr;
  const std::shared_ptr<gdImage> owner(image, DestroyGd{});
  if (gdImageTrueColor(image) == 0 && gdImagePaletteToTrueColor(image) == 0) return nullptr;
  return owner;
}

void cover(gdImage& target, gdImage& source) {
  const double scale = std::max(static_cast<double>(target.sx) / source.sx, static_cast<double>(target.sy) / source.sy);
  const int width = std::clamp(static_cast<int>(target.sx / scale), 1, source.sx);
  const int height = std::clamp(static_cast<int>(target.sy / scale), 1, source.sy);
  // What is transparent in the source shows on white.
  gdImageFilledRectangle(&target, 0, 0, target.sx - 1, target.sy - 1, 0xffffff);
  gdImageAlphaBlending(&target, 1);
  gdImageCopyResampled(&target, &source, 0, 0, (source.sx - width) / 2, (source.sy - height) / 2, target.sx, target.sy,
                       width, height);
}

}  // namespace hekto::runners
