// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/time.h"

namespace hekto::domain {

/// How long after failed attempt number `attempts` (1: the first) the next one is due: 5 s, 5 min, 30 min, 2 h, 5 h,
/// 10 h, 14 h, 20 h, 24 h, each moved by up to a tenth as `chance` (0 to 1) says, so that what failed together does not
/// come back together. nullopt after the tenth: the message is given up. `scale` stretches or shortens all of it.
std::optional<Duration> webhook_retry_delay(int attempts, double chance, double scale);

/// How long a message is tried at all, counted from when it was written: the whole schedule and a tenth. It ends a
/// message whose attempts were held back because nothing answers at its target.
Duration webhook_lifetime(double scale);

/// Of a target that does not answer: how long it is left alone after its `opened`-th (1: the first) run of failures.
Duration webhook_breaker_pause(int opened, double scale);

/// Failures in a row, of connections and with 5xx and 429, after which a target is left alone.
inline constexpr int kWebhookBreakerFailures = 5;

}  // namespace hekto::domain
