// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "runners/sandbox/inputs.h"
#include "runners/sandbox/sound.h"

namespace hekto::runners {

enum class AudioFormat { wav, mp3, flac, ogg };

/// Such as "audio/mpeg".
std::string_view content_type(AudioFormat format);
/// Such as "mp3".
std::string_view extension(AudioFormat format);

/// Encodes a sound. Same sound, same bytes on one installation. Any thread; costs milliseconds for each second of
/// sound. internal when the encoder gives out.
Result<std::string> encode_audio(const Sound& sound, AudioFormat format);

/// What an input asks of a model that makes sound.
struct AudioOptions {
  AudioFormat format = AudioFormat::wav;
  double seconds = 8;  ///< of music; 1-60
  double speed = 1;    ///< of speech; 0.5-2
};

/// Reads output_format, audio_format or format ("mp3", "wav", "flac", "ogg"; names such as "mp3_high" count by their
/// beginning), duration or seconds, and speed. Never fails: what makes no sense gets the default, a WAV file.
AudioOptions audio_options(const Inputs& inputs);

}  // namespace hekto::runners
