// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runners/sandbox/h264.h"

namespace hekto::runners {

/// The MP4 file (ISO/IEC 14496-12 and -15) of one H.264 track: the index first, so that it plays while it loads.
/// The track has at least one frame, and the first one is a key frame.
std::string mp4_file(const VideoTrack& track);

}  // namespace hekto::runners
