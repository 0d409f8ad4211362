// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/time.h"

namespace hekto::runners::replicate {

/// How long predictions of each model take, learnt from those that ended, and so when to look at one. One thread at a
/// time.
class RunTimes {
 public:
  /// One of `model` took so long from its creation to its end.
  void learn(const std::string& model, Duration took);
  /// How long to wait before the next look at one of `model` that is `age` old. Short where it is expected to end;
  /// never longer than kLongest, so that an end that comes unexpectedly is seen all the same.
  Duration next_look(const std::string& model, Duration age) const;
  /// Whether it is expected to end about now.
  bool is_near_end(const std::string& model, Duration age) const;

  static constexpr Duration kShortest = std::chrono::milliseconds(250);
  static constexpr Duration kLongest = std::chrono::seconds(2);

 private:
  struct Span {
    Duration from{}, to{};
  };
  static constexpr std::size_t kKept = 32;
  static constexpr std::size_t kEnough = 3;
  static constexpr std::size_t kModels = 1'000;
  struct Learnt {
    std::deque<Duration> last;
    Span end;  ///< in which most of them ended
  };
  std::unordered_map<std::string, Learnt> models_;
};

}  // namespace hekto::runners::replicate
