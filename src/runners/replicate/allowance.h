// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/time.h"

namespace hekto::runners::replicate {

/// How many requests of one kind an account may send: a bucket that never gives out more than the limit in any minute,
/// that waits while the upstream asks for it, and that gives out no more than the upstream says is left. One thread at
/// a time.
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
  double a_second() const;
  double filled(Time now) const;
  void settle(Time now);

  const double usual_;
  double a_minute_;
  double tokens_;
  Time at_{};
  Time blocked_until_{};
  Time reduced_until_{};
  std::uint64_t taken_ = 0;
  // What the upstream said last:
  std::uint64_t told_number_ = 0;
  double told_left_ = 0;  // less what was taken since
  Time told_until_{};
};

}  // namespace hekto::runners::replicate
