// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/time.h"

namespace hekto::runners::replicate {

/// Whether creates go to an account. It is left alone for a while after failures in a row, a bad token, or no credit;
/// then a single create is let through, and what becomes of it decides. One thread at a time.
class Breaker {
 public:
  /// Failures in a row after which the account is left alone, at first for a second, then twice as long each time.
  static constexpr int kFailures = 5;
  static constexpr Duration kFirst = std::chrono::seconds(1);
  static constexpr Duration kLongest = std::chrono::seconds(60);
  enum class Why : std::uint8_t { open, failing, bad_token, no_credit };

  /// Whether a create may be sent.
  bool lets_through(Time now) const;
  /// One is to be sent. True when it is the one that decides; probe_ended(), succeeded(), failed() or shut() follows.
  bool begin();
  /// It was not sent after all: the next one decides.
  void probe_ended() { probing_ = false; }
  /// The upstream has taken a create, or refused it for what it is.
  void succeeded() { *this = Breaker(); }
  /// A create went wrong. `probe` as begin() said of it. True when the account is left alone from now on. Creates that
  /// were under way when that was decided count no more.
  bool failed(Time now, bool probe);
  /// Left alone until then, whatever went before.
  void shut(Why why, Time until);
  /// There is reason to believe that the upstream is well again: if failures were why, the next create decides at once.
  void hope(Time now);

  Why why() const { return why_; }
  /// With any `why` but open: when the next create is let through.
  Time until() const { return until_; }

 private:
  Why why_ = Why::open;
  Time until_{};
  bool probing_ = false;
  int failures_ = 0;  // in a row
  int times_ = 0;     // left alone since the last success
};

/// What the operator is told: "ok", "failing", "bad token", "no credit".
const char* to_string(Breaker::Why why);

}  // namespace hekto::runners::replicate
