// SPDX-License-Identifier: Apache-2.0
// Debian has no small library that writes MP4; one track in one chunk needs no more than this.
#include "runners/sandbox/mp4.h"

#include <cstdint>
#include <string_view>

namespace hekto::runners {

namespace {

std::string be16(std::uint32_t n) { return {static_cast<char>(n >> 8 & 255), static_cast<char>(n & 255)}; }
std::string be32(std::uint64_t n) {
  return be16(static_cast<std::uint32_t>(n >> 16)) + be16(static_cast<std::uint32_t>(n));
}
std::string zeros(std::size_t count) { return std::string(count, '\0'); }

std::string box(std::string_view type, const std::string& content) {
  return be32(content.size() + 8).append(type).append(content);
}
/// A box with a version, 0, and flags.
std::string full_box(std::string_view type, std::uint32_t flags, const std::string& content) {
  return box(type, be32(flags) + content);
}

constexpr std::uint32_t kTimescale = 90'000;  // a second; divides by every usual frame rate

/// Unity, as every header asks for one.
std::string matrix() { return be32(0x10000) + zeros(12) + be32(0x10000) + zeros(12) + be32(0x40000000); }

std::string sample_entry(const VideoTrack& track) {
  std::string decoder = "\x01";
  decoder += track.sps.substr(1, 3);  // profile, its constraints, level
  decoder += "\xff";                  // lengths of four bytes
  decoder += "\xe1" + be16(static_cast<std::uint32_t>(track.sps.size())) + track.sps;
  decoder += "\x01" + be16(static_cast<std::uint32_t>(track.pps.size())) + track.pps;
  std::string entry = zeros(6) + be16(1) + zeros(16);
  entry += be16(static_cast<std::uint32_t>(track.width)) + be16(static_cast<std::uint32_t>(track.height));
  entry += be32(0x480000) + be32(0x480000) + zeros(4);  // 72 dots an inch, as everybody writes
  entry += be16(1) + zeros(32) + be16(24) + be16(0xffff);
  return box("avc1", entry + box("avcC", decoder));
}

std::string sample_table(const VideoTrack& track, std::uint32_t ticks, std::uint64_t offset) {
  std::string keys;
  std::string sizes;
  std::uint32_t key_count = 0;
  for (std::size_t i = 0; i < track.frames.size(); ++i) {
    sizes += be32(track.frames[i].bytes.size());
    if (!track.frames[i].key) continue;
    keys += be32(i + 1);
    ++key_count;
  }
  const auto count = track.frames.size();
  return box(
      "stbl",
      full_box("stsd", 0, be32(1) + sample_entry(track)) + full_box("stts", 0, be32(1) + be32(count) + be32(ticks)) +
          full_box("stss", 0, be32(key_count) + keys) + full_box("stsc", 0, be32(1) + be32(1) + be32(count) + be32(1)) +
          full_box("stsz", 0, be32(0) + be32(count) + sizes) + full_box("stco", 0, be32(1) + be32(offset)));
}

std::string index(const VideoTrack& track, std::uint64_t offset) {
  const auto ticks = kTimescale / static_cast<std::uint32_t>(track.fps);
  const std::uint64_t length = std::uint64_t{ticks} * track.frames.size();
  const auto width = static_cast<std::uint64_t>(track.width) << 16;
  const auto height = static_cast<std::uint64_t>(track.height) << 16;
  const auto movie = full_box("mvhd", 0,
                              zeros(8) + be32(kTimescale) + be32(length) + be32(0x10000) + be16(0x100) + zeros(10) +
                                  matrix() + zeros(24) + be32(2));
  const auto header = full_box(
      "tkhd", 3, zeros(8) + be32(1) + zeros(4) + be32(length) + zeros(16) + matrix() + be32(width) + be32(height));
  constexpr std::uint32_t kUndetermined = 0x55c4;  // the language "und"
  const auto media_header =
      full_box("mdhd", 0, zeros(8) + be32(kTimescale) + be32(length) + be16(kUndetermined) + zeros(2));
  const auto handler = full_box("hdlr", 0, zeros(4) + "vide" + zeros(12) + "Hekto sandbox" + zeros(1));
  const auto data = box("dinf", full_box("dref", 0, be32(1) + full_box("url ", 1, "")));
  const auto media = full_box("vmhd", 1, zeros(8)) + data + sample_table(track, ticks, offset);
  return box("moov", movie + box("trak", header + box("mdia", media_header + handler + box("minf", media))));
}

}  // namespace

std::string mp4_file(const VideoTrack& track) {
  const auto type = box("ftyp", std::string("isom") + be32(0x200) + "isomiso2avc1mp41");
  // The index names the place behind itself; its size does not depend on which place that is.
  const auto offset = type.size() + index(track, 0).size() + 8;
  std::string file = type + index(track, offset);
  std::size_t size = 8;
  for (const auto& frame : track.frames) size += frame.bytes.size();
  file.reserve(file.size() + size);
  file += be32(size) + "mdat";
  for (const auto& frame : track.frames) file += frame.bytes;
  return file;
}

}  // namespace hekto::runners
