// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "runners/sandbox/sound.h"
#include "runners/sandbox/splitmix.h"

namespace hekto::runners {

namespace {

constexpr int kRate = 44'100;
constexpr std::array<int, 5> kPentatonic{0, 2, 4, 7, 9};
// I, vi, IV, V in semitones above the key, the plainest of all progressions.
constexpr std::array<std::array<int, 3>, 4> kChords{{{0, 4, 7}, {-3, 0, 4}, {-7, -3, 0}, {-5, -1, 2}}};

/// Adds a plucked string: harmonics that fade the faster the higher they are.
void pluck(Sound& sound, double at, double hertz, double loud, double ring, double pan) {
  const auto start = static_cast<std::size_t>(at * kRate);
  const std::size_t frames = sound.samples.size() / 2;
  const auto length = static_cast<std::size_t>(ring * kRate);
  for (int harmonic = 1; harmonic <= 4; ++harmonic) {
    const double w = 2 * std::numbers::pi * hertz * harmonic / kRate;
    if (w > 2.5) break;
    const double turn = 2 * std::cos(w);
    const double fade = std::exp(-harmonic * 3.2 / (ring * kRate));
    double y1 = 0, y2 = -std::sin(w);
    double gain = loud / (harmonic * harmonic);
    for (std::size_t i = 0; i < length && start + i < frames; ++i) {
      const double y = turn * y1 - y2;  // sin(i·w) by recurrence, which a sine of each sample would take ten times for
      y2 = y1;
      y1 = y;
      gain *= fade;
      const double attack = std::min(1.0, static_cast<double>(i) / 90);
      const double value = y2 * gain * attack;
      sound.samples[2 * (start + i)] += static_cast<float>(value * (1 - pan));
      sound.samples[2 * (start + i) + 1] += static_cast<float>(value * pan);
    }
  }
}

double hertz_of(double key, int semitones) { return key * std::exp2(semitones / 12.0); }

}  // namespace

Sound play(const Music& music) {
  const double seconds = std::clamp(music.seconds, 0.5, 60.0);
  Sound sound{kRate, 2, {}};
  const auto frames = static_cast<std::size_t>(seconds * kRate);
  sound.samples.resize(frames * 2);
  SplitMix random(music.seed ^ seed_of("tune"));
  const double key = hertz_of(220, static_cast<int>(random.below(12)) - 5);
  const double beat = 60 / random.between(76, 112);
  int step = static_cast<int>(random.below(5)) + 5;
  int number = 0;
  for (double at = 0; at < seconds; at += beat, ++number) {
    const auto& chord = kChords[static_cast<std::size_t>(number / 4) % kChords.size()];
    if (number % 4 == 0) {
      for (std::size_t i = 0; i < chord.size(); ++i) {
        pluck(sound, at + 0.012 * static_cast<double>(i), hertz_of(key / 2, chord[i]), 0.16, beat * 4,
              0.35 + 0.15 * static_cast<double>(i));
      }
    }
    for (int half = 0; half < 2; ++half) {
      if (random.unit() < (half == 0 ? 0.12 : 0.55)) continue;  // rests let it breathe
      step = std::clamp(step + static_cast<int>(random.below(5)) - 2, 2, 12);
      const auto degree = static_cast<std::size_t>(step);
      const int semitones = kPentatonic[degree % 5] + 12 * static_cast<int>(degree / 5) - 12;
      pluck(sound, at + beat / 2 * half, hertz_of(key * 2, semitones), 0.2 + 0.07 * random.unit(), 1.3,
            random.between(0.35, 0.65));
    }
  }
  // A soft echo of the other side.
  const auto delay = static_cast<std::size_t>(0.27 * kRate);
  for (std::size_t i = delay; i < frames; ++i) {
    sound.samples[2 * i] += 0.22F * sound.samples[2 * (i - delay) + 1];
    sound.samples[2 * i + 1] += 0.22F * sound.samples[2 * (i - delay)];
  }
  const auto fade = static_cast<double>(std::min<std::size_t>(frames / 4, kRate));
  for (std::size_t i = 0; i < frames; ++i) {
    const auto edge = static_cast<float>(std::min(1.0, static_cast<double>(frames - 1 - i) / fade));
    for (std::size_t side = 0; side < 2; ++side) {
      float& s = sound.samples[2 * i + side];
      s = std::tanh(s) * edge;
    }
  }
  return sound;
}

}  // namespace hekto::runners
