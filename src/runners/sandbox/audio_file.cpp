// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/audio_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <sndfile.h>

namespace hekto::runners {

namespace {

struct FormatInfo {
  AudioFormat format;
  std::string_view extension;
  std::string_view content_type;
  int code;
};

constexpr std::array<FormatInfo, 4> kFormats{{
    {AudioFormat::wav, "wav", "audio/wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
    {AudioFormat::mp3, "mp3", "audio/mpeg", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III},
    {AudioFormat::flac, "flac", "audio/flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
    {AudioFormat::ogg, "ogg", "audio/ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
}};

const FormatInfo& info_of(AudioFormat format) { return *std::ranges::find(kFormats, format, &FormatInfo::format); }

/// A file in memory, as libsndfile wants one.
struct Memory {
  std::string bytes;
  sf_count_t at = 0;

  static Memory& of(void* user) { return *static_cast<Memory*>(user); }
  static sf_count_t size(void* user) { return static_cast<sf_count_t>(of(user).bytes.size()); }
  static sf_count_t tell(void* user) { return of(user).at; }
  static sf_count_t seek(sf_count_t offset, int whence, void* user) {
    const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? tell(user) : size(user);
    return of(user).at = std::max<sf_count_t>(0, base + offset);
  }
  static sf_count_t read(void* to, sf_count_t count, void* user) {
    const sf_count_t some = std::clamp<sf_count_t>(size(user) - tell(user), 0, count);
    std::memcpy(to, of(user).bytes.data() + tell(user), static_cast<std::size_t>(some));
    of(user).at += some;
    return some;
  }
  static sf_count_t write(const void* from, sf_count_t count, void* user) {
    auto& memory = of(user);
    memory.bytes.resize(static_cast<std::size_t>(std::max(size(user), memory.at + count)));
    std::memcpy(memory.bytes.data() + memory.at, from, static_cast<std::size_t>(count));
    memory.at += count;
    return count;
  }
};

std::uint32_t ogg_checksum(std::string_view page) {
  std::uint32_t sum = 0;
  for (const char c : page) {
    sum ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 24;
    for (int bit = 0; bit < 8; ++bit) sum = sum & 0x80000000U ? sum << 1 ^ 0x04c11db7U : sum << 1;
  }
  return sum;
}

void put_le32(std::string& bytes, std::size_t at, std::uint32_t number) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(number >> (8 * i) & 255);
}

/// libsndfile numbers an Ogg stream at random; the sandbox owes the same bytes each time. The number stands in every
/// page, under the page's checksum.
void fix_serial_number(std::string& bytes) {
  constexpr std::size_t kHeader = 27;
  for (std::size_t page = 0; page + kHeader <= bytes.size() && bytes.compare(page, 4, "OggS") == 0;) {
    const auto segments = static_cast<unsigned char>(bytes[page + 26]);
    if (page + kHeader + segments > bytes.size()) return;
    std::size_t end = page + kHeader + segments;
    for (std::size_t i = 0; i < segments; ++i) end += static_cast<unsigned char>(bytes[page + kHeader + i]);
    if (end > bytes.size()) return;
    put_le32(bytes, page + 14, 1);
    put_le32(bytes, page + 22, 0);
    put_le32(bytes, page + 22, ogg_checksum(std::string_view(bytes).substr(page, end - page)));
    page = end;
  }
}

}  // namespace

std::string_view content_type(AudioFormat format) { return info_of(format).content_type; }
std::string_view extension(AudioFormat format) { return info_of(format).extension; }

Result<std::string> encode_audio(const Sound& sound, AudioFormat format) {
  Memory memory;
  SF_VIRTUAL_IO io{Memory::size, Memory::seek, Memory::read, Memory::write, Memory::tell};
  SF_INFO info{};
  info.samplerate = sound.rate;
  info.channels = sound.channels;
  info.format = info_of(format).code;
  std::unique_ptr<SNDFILE, decltype(&sf_close)> file(sf_open_virtual(&io, SFM_WRITE, &info, &memory), &sf_close);
  if (file == nullptr)
    return fail(ErrorCode::internal, std::string("the sound cannot be encoded: ") + sf_strerror(nullptr));
  // In pieces: the Vorbis encoder keeps what it is given on the stack.
  constexpr std::size_t kPiece = 8192;
  for (std::size_t at = 0; at < sound.samples.size(); at += kPiece) {
    const auto count = static_cast<sf_count_t>(std::min(kPiece, sound.samples.size() - at));
    if (sf_write_float(file.get(), sound.samples.data() + at, count) != count) {
      return fail(ErrorCode::internal, std::string("the sound cannot be encoded: ") + sf_strerror(file.get()));
    }
  }
  sf_write_sync(file.get());
  // What an encoder still holds is written when it is closed.
  file.reset();
  if (format == AudioFormat::ogg) fix_serial_number(memory.bytes);
  return std::move(memory.bytes);
}

AudioOptions audio_options(const Inputs& inputs) {
  AudioOptions options;
  for (const auto name : {"output_format", "audio_format", "format"}) {
    const auto asked = inputs.text(name);
    const auto known =
        std::ranges::find_if(kFormats, [&](const FormatInfo& info) { return asked.starts_with(info.extension); });
    if (known == kFormats.end()) continue;
    options.format = known->format;
    break;
  }
  options.seconds =
      std::clamp(inputs.seconds({"duration", "seconds", "audio_length_in_s", "seconds_total"}, 8), 1.0, 60.0);
  options.speed = std::clamp(inputs.number("speed", 1), 0.5, 2.0);
  return options;
}

}  // namespace hekto::runners
