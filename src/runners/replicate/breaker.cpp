// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/breaker.h"

#include <algorithm>

#include "base/random.h"

namespace hekto::runners::replicate {
namespace {

constexpr int kMostDoublings = 6;

/// Spreads what would happen to many at once: 100 to 125 % of it.
Duration jittered(Duration span) {
  const auto byte = static_cast<unsigned char>(random_string_bytes(1)[0]);
  return span + span * byte / 1024;
}

}  // namespace

bool Breaker::lets_through(Time now) const { return why_ == Why::open || (now >= until_ && !probing_); }

bool Breaker::begin() {
  if (why_ == Why::open) return false;
  probing_ = true;
  return true;
}

bool Breaker::failed(Time now, bool probe) {
  if (why_ == Why::open) {
    if (++failures_ < kFailures) return false;
  } else if (!probe) {
    return false;
  }
  const auto span = kFirst * (1 << std::min(times_, kMostDoublings));
  ++times_;
  shut(Why::failing, now + jittered(std::min<Duration>(span, kLongest)));
  return true;
}

void Breaker::shut(Why why, Time until) {
  why_ = why;
  until_ = until;
  probing_ = false;
}

void Breaker::hope(Time now) {
  if (why_ == Why::failing) until_ = std::min(until_, now);
}

const char* to_string(Breaker::Why why) {
  switch (why) {
    case Breaker::Why::failing:
      return "failing";
    case Breaker::Why::bad_token:
      return "bad token";
    case Breaker::Why::no_credit:
      return "no credit";
    case Breaker::Why::open:
      break;
  }
  return "ok";
}

}  // namespace hekto::runners::replicate
