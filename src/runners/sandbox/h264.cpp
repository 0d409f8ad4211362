// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/h264.h"

#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>
#include <wels/codec_api.h>

namespace hekto::runners {

namespace {

constexpr int kSps = 7;
constexpr int kPps = 8;

/// RGB to Y'CbCr (BT.601, limited range), chroma from the mean of four pixels.
void to_planes(const gdImage& image, std::vector<unsigned char>& planes) {
  const auto width = static_cast<std::size_t>(image.sx);
  const auto height = static_cast<std::size_t>(image.sy);
  unsigned char* y_plane = planes.data();
  unsigned char* u_plane = y_plane + width * height;
  unsigned char* v_plane = u_plane + width * height / 4;
  for (std::size_t y = 0; y < height; y += 2) {
    for (std::size_t x = 0; x < width; x += 2) {
      int r = 0, g = 0, b = 0;
      for (std::size_t part = 0; part < 4; ++part) {
        const std::size_t row = y + part / 2;
        const std::size_t column = x + part % 2;
        const Rgb c = unpack(image.tpixels[row][column]);
        y_plane[row * width + column] = static_cast<unsigned char>((66 * c.r + 129 * c.g + 25 * c.b + 4224) >> 8);
        r += c.r;
        g += c.g;
        b += c.b;
      }
      const std::size_t at = y / 2 * (width / 2) + x / 2;
      u_plane[at] = static_cast<unsigned char>((-38 * r - 74 * g + 112 * b + 4 * 32896) >> 10);
      v_plane[at] = static_cast<unsigned char>((112 * r - 94 * g - 18 * b + 4 * 32896) >> 10);
    }
  }
}

std::string_view without_start_code(std::string_view nal) {
  const auto one = nal.find('\x01');
  return one == std::string_view::npos ? std::string_view() : nal.substr(one + 1);
}

void append_be32(std::string& out, std::size_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 255);
}

}  // namespace

void H264Encoder::Destroy::operator()(ISVCEncoder* encoder) const {
  encoder->Uninitialize();
  WelsDestroySVCEncoder(encoder);
}

Result<H264Encoder> H264Encoder::open(int width, int height, int fps) {
  const auto broken = fail(ErrorCode::internal, "the video encoder could not be made");
  ISVCEncoder* made = nullptr;
  if (WelsCreateSVCEncoder(&made) != 0 || made == nullptr) return broken;
  H264Encoder out;
  out.encoder_.reset(made);
  int quiet = WELS_LOG_QUIET;
  made->SetOption(ENCODER_OPTION_TRACE_LEVEL, &quiet);
  SEncParamExt parameters;
  if (made->GetDefaultParams(&parameters) != 0) return broken;
  parameters.iUsageType = CAMERA_VIDEO_REAL_TIME;
  parameters.iPicWidth = width;
  parameters.iPicHeight = height;
  parameters.fMaxFrameRate = static_cast<float>(fps);
  // A fixed quality: rate control would blur the caption of the first frames.
  parameters.iRCMode = RC_OFF_MODE;
  parameters.iMinQp = 24;
  parameters.iMaxQp = 26;
  parameters.iTargetBitrate = width * height * fps / 8;
  parameters.uiIntraPeriod = static_cast<unsigned>(fps * 2);
  parameters.iMultipleThreadIdc = 1;  // same input, same bytes; and the pool's threads are not this encoder's alone
  parameters.bEnableFrameSkip = false;
  parameters.bEnableSceneChangeDetect = false;
  parameters.eSpsPpsIdStrategy = CONSTANT_ID;
  auto& layer = parameters.sSpatialLayers[0];
  layer.iVideoWidth = width;
  layer.iVideoHeight = height;
  layer.fFrameRate = static_cast<float>(fps);
  layer.iSpatialBitrate = parameters.iTargetBitrate;
  layer.uiProfileIdc = PRO_BASELINE;
  layer.iDLayerQp = 26;
  layer.sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
  if (made->InitializeExt(&parameters) != 0) return broken;
  out.track_.width = width;
  out.track_.height = height;
  out.track_.fps = fps;
  out.planes_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3 / 2);
  return out;
}

Result<void> H264Encoder::add(const gdImage& frame) {
  to_planes(frame, planes_);
  const int width = track_.width;
  const int height = track_.height;
  SSourcePicture picture{};
  picture.iColorFormat = videoFormatI420;
  picture.iPicWidth = width;
  picture.iPicHeight = height;
  picture.iStride[0] = width;
  picture.iStride[1] = picture.iStride[2] = width / 2;
  picture.pData[0] = planes_.data();
  picture.pData[1] = picture.pData[0] + width * height;
  picture.pData[2] = picture.pData[1] + width * height / 4;
  picture.uiTimeStamp = static_cast<long long>(track_.frames.size()) * 1000 / track_.fps;
  SFrameBSInfo info{};
  if (encoder_->EncodeFrame(&picture, &info) != cmResultSuccess) {
    return fail(ErrorCode::internal, "a frame could not be encoded");
  }
  VideoTrack::Frame out;
  out.key = info.eFrameType == videoFrameTypeIDR || info.eFrameType == videoFrameTypeI;
  for (int i = 0; i < info.iLayerNum; ++i) {
    const SLayerBSInfo& layer = info.sLayerInfo[i];
    const auto* at = reinterpret_cast<const char*>(layer.pBsBuf);
    for (int n = 0; n < layer.iNalCount; ++n) {
      const auto length = static_cast<std::size_t>(layer.pNalLengthInByte[n]);
      const auto nal = without_start_code({at, length});
      at += length;
      if (nal.empty()) continue;
      const int type = nal.front() & 31;
      // A container keeps the parameter sets once, beside the frames.
      if (type == kSps) {
        track_.sps = nal;
      } else if (type == kPps) {
        track_.pps = nal;
      } else {
        append_be32(out.bytes, nal.size());
        out.bytes += nal;
      }
    }
  }
  if (out.bytes.empty()) return fail(ErrorCode::internal, "a frame could not be encoded");
  track_.frames.push_back(std::move(out));
  return {};
}

}  // namespace hekto::runners
