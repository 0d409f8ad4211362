// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/time.h"

namespace hekto::runners::replicate {

/// How many requests of one kind an account may send: a bucket that never gives out more than the limit in any minute,
/// and that waits while the upstream asks for it. One thread at a time.
class Allowance {
 public:
  explicit Allowance(double a_minute);

  /// Takes one when there is one.
  bool try_take(Time now);
  /// When the next one is there; `now` when it is.
  Time next(Time now) const;
  /// As many as try_take would give at once.
  double left(Time now) const;
  double a_minute() const { return a_minute_; }

  /// The upstream says that nothing is left until then.
  void block_until(Time until);
  /// It says that the account is held to so many a minute. Forgotten after five minutes without being said again.
  void reduce(double a_minute, Time now);

 private:
  double capacity() const;
  double filled(Time now) const;
  void settle(Time now);

  const double usual_;
  double a_minute_;
  double tokens_;
  Time at_{};
  Time blocked_until_{};
  Time reduced_until_{};
};

}  // namespace hekto::runners::replicate
