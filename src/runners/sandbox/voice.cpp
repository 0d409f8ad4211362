// SPDX-License-Identifier: Apache-2.0
// A source-filter voice: pulses of a glottis, or breath, through three resonances of a mouth.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "runners/sandbox/sound.h"
#include "runners/sandbox/splitmix.h"

namespace hekto::runners {

namespace {

constexpr int kRate = 24'000;
constexpr double kMostSeconds = 60;
constexpr std::size_t kMostLetters = 2000;  // more than a minute holds; bounds the work for a huge text

struct Phone {
  double seconds = 0.1;
  double voice = 0;                                 ///< loudness of the glottis
  double breath = 0;                                ///< loudness of the noise
  std::array<double, 3> formants{500, 1500, 2500};  ///< hertz
  bool syllable = false;
};

constexpr Phone vowel(double f1, double f2, double f3) { return {0.115, 1, 0.01, {f1, f2, f3}, true}; }
constexpr Phone voiced(double f1, double f2, double f3) { return {0.055, 0.35, 0.015, {f1, f2, f3}, false}; }
constexpr Phone breathed(double f1, double f2, double f3) { return {0.06, 0, 0.022, {f1, f2, f3}, false}; }
constexpr Phone pause(double seconds) { return {seconds, 0, 0, {500, 1500, 2500}, false}; }

Phone phone_of(char letter) {
  switch (letter) {
    case 'a':
      return vowel(740, 1220, 2600);
    case 'e':
      return vowel(530, 1840, 2480);
    case 'i':
      return vowel(300, 2250, 2950);
    case 'o':
      return vowel(500, 920, 2450);
    case 'u':
      return vowel(330, 900, 2300);
    case 'y':
      return vowel(320, 1950, 2500);
    case 'm':
      return voiced(260, 1100, 2200);
    case 'n':
      return voiced(260, 1500, 2400);
    case 'l':
      return voiced(360, 1150, 2600);
    case 'r':
      return voiced(380, 1180, 1650);
    case 'w':
      return voiced(300, 700, 2200);
    case 'j':
      return voiced(280, 2100, 2900);
    case 's':
    case 'z':
    case 'x':
      return breathed(1800, 3900, 5600);
    case 'f':
    case 'v':
    case 'h':
      return breathed(1200, 2200, 3600);
    case 'c':
    case 'k':
    case 'q':
    case 'g':
      return breathed(900, 1900, 2700);
    case 't':
    case 'd':
      return breathed(1500, 3200, 4300);
    case 'p':
    case 'b':
      return breathed(600, 1200, 2300);
    default:
      return vowel(580, 1400, 2500);
  }
}

/// The phones of a text. Letters beyond ASCII are spoken as vowels, which most accented ones are.
std::vector<Phone> phones_of(const std::string& text) {
  std::vector<Phone> phones;
  for (const char c : text.substr(0, kMostLetters)) {
    const auto byte = static_cast<unsigned char>(c);
    const char letter = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (letter >= 'a' && letter <= 'z') {
      phones.push_back(phone_of(letter));
    } else if (c >= '0' && c <= '9') {
      phones.push_back(phone_of("oiueayoeai"[c - '0']));
      phones.push_back(phone_of('n'));
    } else if (byte >= 0xC0) {
      phones.push_back(phone_of("aeiou"[byte % 5]));
    } else if (c == '.' || c == '!' || c == '?' || c == '\n') {
      phones.push_back(pause(0.32));
    } else if (c == ',' || c == ';' || c == ':') {
      phones.push_back(pause(0.18));
    } else if (c == ' ' && !phones.empty()) {
      phones.push_back(pause(0.045));
    }
  }
  if (phones.empty()) phones.push_back(phone_of('a'));
  return phones;
}

/// A two-pole resonance.
class Resonance {
 public:
  void tune(double hertz, double width) {
    const double r = std::exp(-std::numbers::pi * width / kRate);
    c_ = -r * r;
    b_ = 2 * r * std::cos(2 * std::numbers::pi * hertz / kRate);
    a_ = 1 - b_ - c_;
  }
  double step(double x) {
    const double y = a_ * x + b_ * y1_ + c_ * y2_;
    y2_ = y1_;
    return y1_ = y;
  }

 private:
  double a_ = 1, b_ = 0, c_ = 0, y1_ = 0, y2_ = 0;
};

}  // namespace

Sound speak(const Speech& speech) {
  Sound sound{kRate, 1, {}};
  SplitMix random(speech.seed ^ seed_of("voice"));
  const double speed = std::clamp(speech.speed, 0.5, 2.0);
  const double base = random.between(105, 205);          // hertz of the voice
  const double size = 0.92 + 0.22 * (base - 105) / 100;  // a higher voice has a smaller mouth
  std::array<Resonance, 3> mouth;
  std::array<double, 3> formants{500, 1500, 2500};
  double phase = 0, last = 0, voice = 0, breath = 0, pitch = base, accent = 0;
  double since_pause = 0;
  const auto most = static_cast<std::size_t>(kMostSeconds * kRate);
  for (const Phone& phone : phones_of(speech.text)) {
    if (phone.syllable) accent = random.between(-0.09, 0.13);
    since_pause = phone.voice == 0 && phone.breath == 0 && phone.seconds > 0.1 ? 0 : since_pause + phone.seconds;
    // A sentence starts high and falls; each syllable has a little tone of its own.
    const double target = base * (1.13 - std::min(0.26, since_pause * 0.055) + accent);
    const auto count = static_cast<std::size_t>(phone.seconds / speed * random.between(0.88, 1.12) * kRate);
    for (std::size_t i = 0; i < count && sound.samples.size() < most; ++i) {
      if (i % 64 == 0) {
        for (std::size_t f = 0; f < mouth.size(); ++f) {
          formants[f] += (phone.formants[f] * size - formants[f]) * 0.16;
          mouth[f].tune(formants[f], 70 + 45 * static_cast<double>(f));
        }
      }
      voice += (phone.voice - voice) * 0.0035;
      breath += (phone.breath - breath) * 0.006;
      pitch += (target - pitch) * 0.0006;
      phase += pitch / kRate;
      phase -= std::floor(phase);
      // Opens slowly and closes at once, as vocal folds do.
      const double pulse = phase < 0.62 ? std::sin(std::numbers::pi * phase / 0.62) * phase : 0;
      const double source = voice * (pulse - 0.17) + breath * (random.unit() * 2 - 1);
      const double y = mouth[0].step(source) + 0.55 * mouth[1].step(source) + 0.28 * mouth[2].step(source);
      // Lips radiate high tones better than low ones.
      sound.samples.push_back(static_cast<float>(y - 0.9 * last));
      last = y;
    }
  }
  const auto shortest = static_cast<std::size_t>(kRate / 2);
  if (sound.samples.size() < shortest) sound.samples.resize(shortest, 0);
  float peak = 1e-6F;
  for (const float s : sound.samples) peak = std::max(peak, std::abs(s));
  const std::size_t fade = kRate / 50;
  const std::size_t all = sound.samples.size();
  for (std::size_t i = 0; i < all; ++i) {
    const double edge = std::min({1.0, static_cast<double>(i) / static_cast<double>(fade),
                                  static_cast<double>(all - 1 - i) / static_cast<double>(fade)});
    sound.samples[i] = static_cast<float>(sound.samples[i] / peak * 0.7 * edge);
  }
  return sound;
}

}  // namespace hekto::runners
