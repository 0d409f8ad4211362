// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "runners/sandbox/gd_image.h"

class ISVCEncoder;

namespace hekto::runners {

/// A video as a container wants it.
struct VideoTrack {
  int width = 0;    ///< pixels
  int height = 0;   ///< likewise
  int fps = 0;      ///< frames a second
  std::string sps;  ///< sequence parameter set, without start code
  std::string pps;  ///< picture parameter set, likewise
  struct Frame {
    std::string bytes;  ///< NAL units, each behind its length in four bytes
    bool key = false;   ///< can be decoded without the frames before it
  };
  std::vector<Frame> frames;
};

/// Encodes frames to H.264 (constrained baseline, which every player knows). Not for use by two threads at once.
class H264Encoder {
 public:
  /// Sides are even, 64-4096; `fps` 1-60. internal when the encoder cannot be made.
  static Result<H264Encoder> open(int width, int height, int fps);

  /// A frame of exactly the size given to open().
  Result<void> add(const gdImage& frame);
  const VideoTrack& track() const { return track_; }

 private:
  struct Destroy {
    void operator()(ISVCEncoder* encoder) const;
  };
  std::unique_ptr<ISVCEncoder, Destroy> encoder_;
  VideoTrack track_;
  std::vector<unsigned char> planes_;  // of one frame: Y, then U and V at half the size
};

}  // namespace hekto::runners
