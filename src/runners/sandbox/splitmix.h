// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace hekto::runners {

/// SplitMix64. The standard library's distributions differ between implementations; this one gives the same numbers
/// everywhere, so that one seed means one picture.
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// 0 … count-1; count is at least 1. The bias of the remainder does not matter for what is drawn here.
  std::uint64_t below(std::uint64_t count) { return next() % count; }
  /// 0 up to, not including, 1.
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + unit() * (high - low); }

 private:
  std::uint64_t state_;
};

/// FNV-1a, 64 bits: turns text into a seed.
constexpr std::uint64_t seed_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace hekto::runners
