// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace hekto::runners::replicate {

/// What was counted in the last minute, in steps of a second: for up to a second longer, never shorter.
class LastMinute {
 public:
  void add(Time now);
  /// The last one that was added does not count.
  void take_back();
  std::uint32_t count(Time now) const;
  /// When fewer than `limit`, which is positive, are left if none is added; `now` when they are.
  Time below(double limit, Time now) const;

 private:
  static constexpr std::size_t kSlots = 61;
  struct Slot {
    std::int64_t second = 0;
    std::uint32_t count = 0;
  };
  std::array<Slot, kSlots> slots_{};
  std::size_t last_ = 0;  // the slot that was added to last
};

/// How many requests of one kind an account may send: never more than the limit in any minute, none while the upstream
/// asks to wait, and no more than it says is left. A tenth of the limit goes at once, the rest evenly. While the
/// upstream says that more is left, up to three quarters go at once, and the rest of that minute the more slowly. One
/// thread at a time.
class Allowance {
 public:
  explicit Allowance(double a_minute);

  /// Takes one when there is one.
  bool try_take(Time now);
  /// The number of the last one that was taken, counted from 1.
  std::uint64_t taken() const { return taken_; }
  /// One that was taken was not used.
  void give_back();
  /// When the next one is there; `now` when it is.
  Time next(Time now) const;
  /// As many as try_take would give at once.
  double left(Time now) const;
  double a_minute() const { return a_minute_; }

  /// The upstream says that nothing is left until then.
  void block_until(Time until);
  /// It says that the account is held to so many a minute. Forgotten after five minutes without being said again.
  void reduce(double a_minute, Time now);
  /// Answering the one with this number, it says that no more than `left` are to be sent until `until`. What an answer
  /// to an earlier one says lowers that, but does not raise it.
  void told(std::uint64_t number, double left, Time until, Time now);

 private:
  double capacity() const;
  double limit() const;
  double a_second(Time now) const;
  double filled(Time now) const;
  /// As many as may go at once beyond the bucket's, because the upstream says that they are left.
  double more(Time now) const;
  void settle(Time now);

  const double usual_;
  double a_minute_;
  double tokens_;
  Time at_{};
  Time blocked_until_{};
  Time reduced_until_{};
  std::uint64_t taken_ = 0;
  LastMinute sent_;
  LastMinute at_once_;  // of those: the ones beyond the bucket's
  // What the upstream said last:
  std::uint64_t told_number_ = 0;
  double told_left_ = 0;  // less what was taken since
  Time told_until_{};
};

}  // namespace hekto::runners::replicate
