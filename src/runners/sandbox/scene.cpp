// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/scene.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace hekto::runners {

namespace {

struct Palette {
  Rgb sky_top, sky_middle, sky_low;
  Rgb light;  ///< of the sun or moon and its glow
  Rgb far, near;
  bool stars;
};

constexpr std::array<Palette, 8> kPalettes{{
    {{44, 62, 120}, {214, 118, 128}, {255, 196, 138}, {255, 236, 190}, {196, 128, 140}, {38, 26, 54}, false},   // dusk
    {{88, 150, 204}, {160, 204, 226}, {240, 238, 214}, {255, 250, 226}, {140, 176, 192}, {22, 54, 66}, false},  // day
    {{10, 16, 44}, {28, 44, 92}, {82, 96, 150}, {232, 238, 255}, {58, 74, 124}, {8, 10, 28}, true},             // night
    {{36, 92, 104}, {106, 176, 160}, {236, 226, 176}, {255, 246, 204}, {112, 162, 144}, {14, 44, 48}, false},   // mint
    {{122, 72, 128}, {226, 130, 138}, {255, 206, 170}, {255, 240, 214}, {186, 112, 136}, {48, 22, 60}, false},  // rose
    {{196, 110, 60}, {236, 168, 96}, {252, 222, 164}, {255, 246, 216}, {206, 134, 84}, {72, 32, 22}, false},  // desert
    {{16, 34, 62}, {28, 92, 112}, {98, 178, 160}, {214, 255, 234}, {44, 104, 118}, {6, 20, 34}, true},  // northern
                                                                                                        // night
    {{64, 84, 156}, {140, 152, 214}, {244, 204, 214}, {255, 238, 232}, {132, 136, 190}, {28, 28, 72}, false},  // lilac
}};

constexpr std::size_t kRidges = 5;
constexpr int kSub = 16;  // ridge heights count sixteenths of a pixel, which smooths their edges

/// Smooth noise along a line: random values at whole positions, eased between them.
class Noise {
 public:
  explicit Noise(SplitMix& random) {
    for (double& value : values_) value = random.unit();
  }
  double at(double position) const {
    const double whole = std::floor(position);
    const double t = position - whole;
    const auto i = static_cast<std::size_t>(whole);
    const double a = values_[i % values_.size()];
    const double b = values_[(i + 1) % values_.size()];
    return a + (b - a) * t * t * (3 - 2 * t);
  }

 private:
  std::array<double, 64> values_{};
};

/// The upper edge of one ridge for every column, in 1/kSub pixels from the top.
std::vector<int> ridge_line(SplitMix& random, int width, int height, double depth) {
  const Noise noise(random);
  const double span = std::min(width, height);
  const double base = height * (0.50 + 0.29 * depth);
  const double reach = span * (0.24 - 0.12 * depth);
  const double start = random.between(0, 40);
  std::vector<int> line(static_cast<std::size_t>(width));
  for (int x = 0; x < width; ++x) {
    const double at = start + x / span * (1.6 + 1.6 * depth);
    // Octaves of halving weight: far ridges get the sharper small ones, near ones stay soft hills.
    double sum = noise.at(at) + 0.5 * noise.at(at * 2.1 + 7) + 0.22 * noise.at(at * 4.3 + 3);
    sum += (1 - depth) * (0.12 * noise.at(at * 9.1 + 11) + 0.06 * noise.at(at * 19.7 + 5));
    line[static_cast<std::size_t>(x)] = static_cast<int>((base - reach * (sum - 0.75)) * kSub);
  }
  return line;
}

/// Raises the nearest ridge by the outlines of firs.
void plant_firs(SplitMix& random, std::vector<int>& line, int width, int height) {
  const double span = std::min(width, height);
  const std::vector<int> ground = line;
  const Noise density(random);
  for (double x = 0; x < width; x += span * random.between(0.012, 0.034)) {
    if (density.at(x / span * 3) < 0.38) continue;
    const double tall = span * random.between(0.035, 0.105);
    const double half = tall * random.between(0.20, 0.27);
    const int from = std::max(0, static_cast<int>(x - half));
    const int to = std::min(width - 1, static_cast<int>(x + half));
    const int foot = ground[static_cast<std::size_t>(std::clamp(static_cast<int>(x), 0, width - 1))];
    for (int column = from; column <= to; ++column) {
      const double side = std::abs(column - x) / half;
      // Branches: the outline steps in a little at five levels.
      const double step = side * 5 - std::floor(side * 5);
      const double rise = tall * (1 - side) * (1 - 0.16 * step);
      int& edge = line[static_cast<std::size_t>(column)];
      edge = std::min(edge, foot + kSub * 2 - static_cast<int>(rise * kSub));
    }
  }
}

struct Sun {
  float x, y, radius, glow;
};

class Sky {
 public:
  Sky(const Palette& palette, const Sun& sun, int height) : palette_(palette), sun_(sun), height_(height) {}

  /// Prepares one row; pixel() then answers for its columns.
  void row(int y) {
    const int t = y * 512 / height_;
    colour_ = t < 256 ? mix(palette_.sky_top, palette_.sky_middle, t)
                      : mix(palette_.sky_middle, palette_.sky_low, std::min(256, (t - 256) * 2));
    const float dy = static_cast<float>(y) - sun_.y;
    dy2_ = dy * dy;
  }
  Rgb pixel(int x) const {
    const float dx = static_cast<float>(x) - sun_.x;
    const float d2 = dx * dx + dy2_;
    // A rational fall-off looks like a glow and needs neither root nor exponential.
    const float f = sun_.glow / (sun_.glow + d2);
    Rgb c = mix(colour_, palette_.light, static_cast<int>(f * f * 190));
    const float edge = sun_.radius + 1;
    if (d2 < edge * edge) {
      const float inside = std::clamp(edge - std::sqrt(d2), 0.0F, 1.0F);
      c = mix(c, palette_.light, static_cast<int>(inside * 256));
    }
    return c;
  }

 private:
  const Palette& palette_;
  Sun sun_;
  int height_;
  Rgb colour_;
  float dy2_ = 0;
};

void draw_stars(gdImage& image, SplitMix& random, const std::vector<int>& horizon) {
  const int width = gdImageSX(&image);
  const int height = gdImageSY(&image);
  const int count = width * height / 5200;
  for (int i = 0; i < count; ++i) {
    const int x = static_cast<int>(random.below(static_cast<std::uint64_t>(width)));
    const int y = static_cast<int>(random.below(static_cast<std::uint64_t>(height)));
    const int strength = static_cast<int>(random.between(40, 230)) * (height - y) / height;
    if ((y + 2) * kSub >= horizon[static_cast<std::size_t>(x)]) continue;
    // Bright stars of a large image are two pixels wide, or they would vanish on a screen.
    const int size = strength > 110 && std::min(width, height) >= 512 ? 2 : 1;
    for (int row = y; row < std::min(y + size, height); ++row) {
      for (int column = x; column < std::min(x + size, width); ++column) {
        int& pixel = image.tpixels[row][column];
        pixel = pack(mix(unpack(pixel), {255, 255, 255}, strength));
      }
    }
  }
}

}  // namespace

void draw_scene(gdImage& image, SplitMix random) {
  const int width = gdImageSX(&image);
  const int height = gdImageSY(&image);
  const auto span = static_cast<float>(std::min(width, height));
  const Palette& palette = kPalettes[random.below(kPalettes.size())];
  const auto sun_x = static_cast<float>(random.between(0.18, 0.82)) * static_cast<float>(width);
  const auto sun_y = static_cast<float>(random.between(0.22, 0.40)) * static_cast<float>(height);
  const auto size = static_cast<float>(random.between(0.045, 0.085)) * span;
  Sky sky(palette, Sun{sun_x, sun_y, size, size * size * 22}, height);

  std::array<std::vector<int>, kRidges> ridges;
  for (std::size_t i = 0; i < kRidges; ++i) {
    ridges[i] = ridge_line(random, width, height, static_cast<double>(i) / (kRidges - 1));
  }
  plant_firs(random, ridges.back(), width, height);

  std::vector<int> horizon(ridges.front());  // the highest edge of each column: above it there is only sky
  for (const auto& ridge : ridges) {
    for (std::size_t x = 0; x < horizon.size(); ++x) horizon[x] = std::min(horizon[x], ridge[x]);
  }

  std::array<Rgb, kRidges> colours;
  for (int y = 0; y < height; ++y) {
    sky.row(y);
    for (std::size_t i = 0; i < kRidges; ++i) {
      const int depth = static_cast<int>(i * 256 / (kRidges - 1));
      const Rgb own = mix(palette.far, palette.near, depth);
      // Mist gathers below each ridge, thicker on the far ones.
      const int top = static_cast<int>(height * (0.42 + 0.09 * static_cast<double>(i)));
      const int mist = std::clamp((y - top) * 256 * 4 / height, 0, 256) * (256 - depth) / 256 * 150 / 256;
      colours[i] = mix(own, palette.sky_low, mist);
    }
    int* pixels = image.tpixels[y];
    const int bottom = (y + 1) * kSub;
    for (int x = 0; x < width; ++x) {
      const auto column = static_cast<std::size_t>(x);
      if (bottom <= horizon[column]) {
        pixels[x] = pack(sky.pixel(x));
        continue;
      }
      // The nearest ridge that covers the pixel wholly, then the partly covering edges in front of it.
      std::size_t i = kRidges;
      while (i > 0 && bottom - ridges[i - 1][column] < kSub) --i;
      Rgb c = i > 0 ? colours[i - 1] : sky.pixel(x);
      for (; i < kRidges; ++i) {
        const int cover = bottom - ridges[i][column];
        if (cover > 0) c = mix(c, colours[i], cover * 256 / kSub);
      }
      pixels[x] = pack(c);
    }
  }
  if (palette.stars) draw_stars(image, random, horizon);
}

}  // namespace hekto::runners
