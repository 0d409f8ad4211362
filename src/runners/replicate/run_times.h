// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/time.h"

namespace hekto::runners::replicate {

/// How long predictions of each model take, learnt from those that ended, and so when to look at one. One thread at a
/// time.
class RunTimes {
 public:
  /// One of `model` took so long from its creation to its end; `run`: from its start, where that is known.
  void learn(const std::string& model, Duration total, std::optional<Duration> run);

  struct Look {
    Duration wait{};    ///< from kShortest to kLongest: an end that comes unexpectedly is seen all the same
    bool near = false;  ///< it is expected to have ended about then
  };
  /// When to look next at one of `model` that was created `age` ago, and, once it has started, has been at work for
  /// `running`.
  Look next(const std::string& model, Duration age, std::optional<Duration> running) const;

  static constexpr Duration kShortest = std::chrono::milliseconds(250);
  static constexpr Duration kLongest = std::chrono::seconds(2);
  /// The longest wait while an end is expected.
  static constexpr Duration kLongestNear = std::chrono::milliseconds(600);

 private:
  struct Span {
    Duration from{}, to{};
  };
  static constexpr std::size_t kKept = 32;
  static constexpr std::size_t kEnough = 3;
  static constexpr std::size_t kModels = 1'000;
  /// The last ones, and the span in which most of them ended.
  struct Series {
    std::deque<Duration> last;
    Span most;
    void add(Duration took);
  };
  struct Learnt {
    Series total, run;
  };
  static Look within(const Span& end, Duration at);

  std::unordered_map<std::string, Learnt> models_;
};

}  // namespace hekto::runners::replicate
