// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/image_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace hekto::runners {

namespace {

struct Size {
  int width;
  int height;
};

struct NamedSize {
  std::string_view ratio;
  Size size;
};

/// The sizes that FLUX models draw at one megapixel.
constexpr std::array<NamedSize, 11> kFluxSizes{{{"1:1", {1024, 1024}},
                                                {"16:9", {1344, 768}},
                                                {"21:9", {1536, 640}},
                                                {"3:2", {1216, 832}},
                                                {"2:3", {832, 1216}},
                                                {"4:5", {896, 1088}},
                                                {"5:4", {1088, 896}},
                                                {"3:4", {896, 1152}},
                                                {"4:3", {1152, 896}},
                                                {"9:16", {768, 1344}},
                                                {"9:21", {640, 1536}}}};

constexpr int kSmallest = 64;
constexpr int kLargest = 2048;
constexpr double kLargestGiven = 4096;

int side(std::int64_t asked) { return static_cast<int>(std::clamp<std::int64_t>(asked, kSmallest, kLargest)) / 8 * 8; }

/// "w:h" outside the table, for models that know more ratios: about a megapixel, sides a multiple of 16.
std::optional<Size> size_of_ratio(std::string_view ratio) {
  const auto colon = ratio.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  int w = 0;
  int h = 0;
  const char* end = ratio.data() + ratio.size();
  const auto first = std::from_chars(ratio.data(), ratio.data() + colon, w);
  const auto second = std::from_chars(ratio.data() + colon + 1, end, h);
  if (first.ptr != ratio.data() + colon || second.ptr != end || w < 1 || h < 1 || w > 100 || h > 100) {
    return std::nullopt;
  }
  const double scale = std::sqrt(1024.0 * 1024.0 / (static_cast<double>(w) * h));
  const auto fit = [scale](int part) {
    const int pixels = static_cast<int>(std::lround(part * scale / 16)) * 16;
    return std::clamp(pixels, kSmallest, kLargest);
  };
  return Size{fit(w), fit(h)};
}

/// The megapixels input is a text such as "0.25" in FLUX models and "0.25 MP" or a number in others.
bool quarter_megapixel(const Inputs& inputs) {
  const auto* value = inputs.find("megapixels");
  if (value == nullptr) return false;
  if (value->is_number()) return value->number() <= 0.25;
  return value->as_string() != nullptr && value->as_string()->starts_with("0.25");
}

/// The given image's size, enlarged as asked for. Too large a result keeps its shape.
Size size_of_given(const Inputs& inputs, std::pair<int, int> given) {
  double scale = std::clamp(inputs.seconds({"scale", "scale_factor", "upscale_factor"}, 1), 0.1, 16.0);
  const double most = std::max(given.first, given.second) * scale;
  if (most > kLargestGiven) scale *= kLargestGiven / most;
  const auto fit = [scale](int pixels) { return std::clamp(static_cast<int>(std::lround(pixels * scale)), 16, 4096); };
  return {fit(given.first), fit(given.second)};
}

Size size_of(const Inputs& inputs, std::optional<std::pair<int, int>> given) {
  const bool sized = inputs.sent("width") || inputs.sent("height") || inputs.sent("aspect_ratio");
  if (given && (!sized || inputs.text("aspect_ratio") == "match_input_image")) return size_of_given(inputs, *given);
  const std::string ratio = inputs.text("aspect_ratio");
  if (inputs.declares("aspect_ratio") && ratio != "custom") {
    Size size{1024, 1024};
    const auto known = std::ranges::find(kFluxSizes, std::string_view(ratio), &NamedSize::ratio);
    if (known != kFluxSizes.end()) {
      size = known->size;
    } else if (const auto computed = size_of_ratio(ratio)) {
      size = *computed;
    }
    if (quarter_megapixel(inputs)) size = {size.width / 2, size.height / 2};
    return size;
  }
  return {side(inputs.integer("width", 1024)), side(inputs.integer("height", 1024))};
}

}  // namespace

ImageOptions image_options(const Inputs& inputs, std::optional<std::pair<int, int>> given) {
  ImageOptions options;
  options.count = static_cast<int>(std::clamp<std::int64_t>(inputs.integer("num_outputs", 1), 1, 4));
  const Size size = size_of(inputs, given);
  options.width = size.width;
  options.height = size.height;
  const std::string format = inputs.text("output_format", "png");
  if (format == "webp") {
    options.format = ImageFormat::webp;
    options.extension = format;
  } else if (format == "jpg" || format == "jpeg") {
    options.format = ImageFormat::jpg;
    options.extension = format;
  }
  options.quality = static_cast<int>(std::clamp<std::int64_t>(inputs.integer("output_quality", 80), 0, 100));
  return options;
}

std::string_view content_type(ImageFormat format) {
  switch (format) {
    case ImageFormat::webp:
      return "image/webp";
    case ImageFormat::jpg:
      return "image/jpeg";
    case ImageFormat::png:
      return "image/png";
  }
  return "application/octet-stream";
}

}  // namespace hekto::runners
