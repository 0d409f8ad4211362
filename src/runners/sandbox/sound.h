// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hekto::runners {

struct Sound {
  int rate = 24'000;           ///< samples a second
  int channels = 1;            ///< interleaved in `samples`
  std::vector<float> samples;  ///< within -1 … 1

  double seconds() const { return static_cast<double>(samples.size()) / rate / channels; }
};

struct Speech {
  std::string text;        ///< UTF-8; what is beyond a minute of speech is left out
  std::uint64_t seed = 0;  ///< decides the voice
  double speed = 1;        ///< 0.5-2
};

/// A voice that babbles in the rhythm of the text: a syllable for each vowel, pauses at punctuation. No language, no
/// one's voice. At least half a second. Same Speech, same samples. Any thread; costs milliseconds.
Sound speak(const Speech& speech);

struct Music {
  std::uint64_t seed = 0;  ///< decides key, tempo and melody
  double seconds = 8;      ///< 0.5-60
};

/// A quiet tune of plucked notes over chords, in stereo. Same Music, same samples. Any thread.
Sound play(const Music& music);

}  // namespace hekto::runners
