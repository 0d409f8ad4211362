// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/movie.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "runners/sandbox/caption.h"
#include "runners/sandbox/given_image.h"
#include "runners/sandbox/mp4.h"
#include "runners/sandbox/scene.h"
#include "runners/sandbox/splitmix.h"
#include "runners/sandbox/typeface.h"

namespace hekto::runners {

namespace {

constexpr int kLongestSide = 1280;
constexpr int kShortestSide = 128;
constexpr double kMostSeconds = 10;

/// "832x480", "832*480", "16:9": two whole numbers around one of `marks`.
std::optional<std::pair<int, int>> two_numbers(std::string_view text, std::string_view marks) {
  const auto mark = text.find_first_of(marks);
  if (mark == std::string_view::npos) return std::nullopt;
  int a = 0, b = 0;
  const auto first = std::from_chars(text.data(), text.data() + mark, a);
  const auto second = std::from_chars(text.data() + mark + 1, text.data() + text.size(), b);
  if (first.ptr != text.data() + mark || second.ptr != text.data() + text.size() || a < 1 || b < 1) return std::nullopt;
  if (a > 10000 || b > 10000) return std::nullopt;
  return std::pair(a, b);
}

/// The pixels of the shorter side that a name such as "720p" or "720" stands for.
int lines_of(const std::string& resolution) {
  int lines = 0;
  std::from_chars(resolution.data(), resolution.data() + resolution.size(), lines);
  return lines >= kShortestSide ? lines : 480;
}

void set_size(MovieOptions& options, double width, double height) {
  const double most = std::max(width, height);
  const double scale = most > kLongestSide ? kLongestSide / most : 1;
  const auto fit = [scale](double side) {
    return std::clamp(static_cast<int>(std::lround(side * scale / 16)) * 16, kShortestSide, kLongestSide);
  };
  options.width = fit(width);
  options.height = fit(height);
}

void read_size(const Inputs& inputs, MovieOptions& options) {
  if (inputs.find("width") != nullptr && inputs.find("height") != nullptr) {
    return set_size(options, static_cast<double>(inputs.integer("width", 832)),
                    static_cast<double>(inputs.integer("height", 480)));
  }
  for (const auto name : {"size", "resolution"}) {
    const auto pixels = two_numbers(inputs.text(name), "x*");
    if (pixels && pixels->first >= kShortestSide) return set_size(options, pixels->first, pixels->second);
  }
  const auto ratio = two_numbers(inputs.text("aspect_ratio"), ":").value_or(std::pair(16, 9));
  const int lines = lines_of(inputs.text("resolution"));
  // Models call 832 by 480 "480p", which is a little wider than 16:9.
  const double share = std::clamp(static_cast<double>(ratio.first) / ratio.second, 0.25, 4.0);
  set_size(options, share >= 1 ? lines * share : lines, share >= 1 ? lines : lines / share);
}

}  // namespace

MovieOptions movie_options(const Inputs& inputs) {
  MovieOptions options;
  read_size(inputs, options);
  for (const auto name : {"fps", "frames_per_second", "frame_rate", "sample_fps"}) {
    if (inputs.find(name) == nullptr) continue;
    options.fps = static_cast<int>(std::clamp(inputs.seconds({name}, 16), 4.0, 30.0));
    break;
  }
  std::int64_t frames = 0;
  for (const auto name : {"num_frames", "frames", "frame_num"}) {
    if (frames == 0) frames = inputs.integer(name, 0);
  }
  if (frames < 1) {
    const double seconds = inputs.seconds({"duration", "seconds", "video_length", "length"}, 5);
    frames = std::lround(std::clamp(seconds, 0.5, kMostSeconds) * options.fps);
  }
  const auto most = static_cast<std::int64_t>(kMostSeconds * options.fps);
  options.frames = static_cast<int>(std::clamp<std::int64_t>(frames, 1, most));
  return options;
}

Result<Movie> Movie::make(const MovieSpec& spec) {
  const auto& options = spec.options;
  auto encoder = H264Encoder::open(options.width, options.height, options.fps);
  if (!encoder) return std::unexpected(std::move(encoder).error());
  Movie movie(options, std::move(*encoder));
  movie.scene_.reset(gdImageCreateTrueColor(options.width * 5 / 4, options.height));
  movie.dark_.reset(gdImageCreateTrueColor(options.width, options.height));
  movie.bright_.reset(gdImageCreateTrueColor(options.width, options.height));
  movie.frame_.reset(gdImageCreateTrueColor(options.width, options.height));
  for (const Image* image : {&movie.scene_, &movie.dark_, &movie.bright_, &movie.frame_}) {
    if (*image == nullptr) return fail(ErrorCode::internal, "there was no memory to draw the video");
  }
  if (spec.given != nullptr) {
    cover(*movie.scene_, *spec.given);
  } else {
    draw_scene(*movie.scene_, SplitMix(spec.seed ^ seed_of(spec.prompt)));
  }
  gdImageFilledRectangle(movie.bright_.get(), 0, 0, options.width - 1, options.height - 1, 0xffffff);
  const auto footer = fmt::format("{}  ·  seed {}  ·  {} × {}  ·  {} frames at {} fps", spec.model, spec.seed,
                                  options.width, options.height, options.frames, options.fps);
  for (const Image* image : {&movie.dark_, &movie.bright_}) {
    draw_caption(**image, Caption{spec.prompt, footer}, Typeface::bold(), Typeface::regular());
  }
  return movie;
}

void Movie::compose(int index) {
  const double part = options_.frames > 1 ? static_cast<double>(index) / (options_.frames - 1) : 0;
  const double eased = part * part * (3 - 2 * part);
  const int offset = static_cast<int>(std::lround(eased * (scene_->sx - options_.width)));
  const int line = static_cast<int>(std::lround(part * options_.width));
  const int line_top = options_.height - std::max(3, options_.height / 120);
  const auto shine = [](int below, int dark, int bright) { return dark + below * (bright - dark) / 255; };
  for (int y = 0; y < options_.height; ++y) {
    const int* from = scene_->tpixels[y] + offset;
    int* to = frame_->tpixels[y];
    const int* dark_row = dark_->tpixels[y];
    const int* bright_row = bright_->tpixels[y];
    for (int x = 0; x < options_.width; ++x) {
      // Where the caption leaves black black and white white, all of the scene shows.
      if (dark_row[x] == 0 && bright_row[x] == 0xffffff) {
        to[x] = from[x];
        continue;
      }
      const Rgb below = unpack(from[x]), dark = unpack(dark_row[x]), bright = unpack(bright_row[x]);
      to[x] = pack({std::clamp(shine(below.r, dark.r, bright.r), 0, 255),
                    std::clamp(shine(below.g, dark.g, bright.g), 0, 255),
                    std::clamp(shine(below.b, dark.b, bright.b), 0, 255)});
    }
    if (y >= line_top) std::fill(to, to + line, 0xf4f4f4);
  }
}

Result<void> Movie::draw(int count) {
  for (; count > 0 && !complete(); --count) {
    compose(static_cast<int>(encoder_.track().frames.size()));
    if (auto added = encoder_.add(*frame_); !added) return added;
  }
  return {};
}

std::string Movie::file() const { return mp4_file(encoder_.track()); }

}  // namespace hekto::runners
