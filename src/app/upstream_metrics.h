// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "ports/upstream_stats.h"

namespace hekto::app {

/// The part of the metrics that is of upstreams. One thread at a time.
class UpstreamMetrics {
 public:
  explicit UpstreamMetrics(prometheus::Registry& registry);
  /// Accounts stay what they are while a server runs, so no series is ever taken back.
  void set(const ports::RelayStats& stats);

 private:
  using Gauges = prometheus::Family<prometheus::Gauge>;
  using Counters = prometheus::Family<prometheus::Counter>;

  Gauges& usable_;
  Gauges& open_;
  Gauges& submitting_;
  Gauges& creates_left_;
  Gauges& creates_per_minute_;
  Gauges& create_seconds_;
  Counters& creates_;
  Counters& requests_;
  prometheus::Gauge& waiting_;
  prometheus::Counter& unknown_;
  prometheus::Gauge& unsettled_;
};

}  // namespace hekto::app
