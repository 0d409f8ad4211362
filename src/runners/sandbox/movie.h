// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "runners/sandbox/h264.h"
#include "runners/sandbox/inputs.h"

namespace hekto::runners {

/// What an input asks of a model that makes videos.
struct MovieOptions {
  int width = 832;   ///< even
  int height = 480;  ///< even
  int fps = 16;      ///< 4-30
  int frames = 81;   ///< 1-300, at most ten seconds
};

/// Reads the size (width and height, else resolution such as "480p", or size such as "1280*720", with aspect_ratio),
/// fps, and the length (num_frames, else duration in seconds). The longer side is at most 1280. Never fails: what makes
/// no sense gets the default.
MovieOptions movie_options(const Inputs& inputs);

struct MovieSpec {
  MovieOptions options;
  std::uint64_t seed = 0;
  std::string prompt;
  std::string model;                    ///< "owner/name"
  std::shared_ptr<gdImage> given = {};  ///< what the video shows; null: a drawn landscape
};

/// A slow pan over a picture, under a caption with the prompt, the model and the seed, and with a line that grows as it
/// plays. The same spec gives the same bytes on one installation.
class Movie {
 public:
  /// Draws what all frames share; tens of milliseconds. internal when memory or the encoder gives out.
  static Result<Movie> make(const MovieSpec& spec);

  bool complete() const { return encoder_.track().frames.size() >= static_cast<std::size_t>(options_.frames); }
  /// Draws and encodes up to `count` more frames, a few milliseconds each: in parts, so that a pool thread is not held
  /// for the whole video.
  Result<void> draw(int count);
  /// The complete video as an MP4 file.
  std::string file() const;

 private:
  Movie(MovieOptions options, H264Encoder encoder) : options_(options), encoder_(std::move(encoder)) {}
  void compose(int index);

  MovieOptions options_;
  H264Encoder encoder_;
  Image scene_;  // wider than a frame
  Image dark_;   // the caption on black, and on white: together they tell what shines through it
  Image bright_;
  Image frame_;
};

}  // namespace hekto::runners
