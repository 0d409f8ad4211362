// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/server.h"
#include "ports/upstream_hooks.h"
#include "ports/upstream_stats.h"
#include "service/webhook_sender.h"

namespace hekto::app {

/// Gauges read when somebody asks for the metrics.
struct Gauges {
  std::size_t connections = 0;
  std::size_t refused_connections = 0;
  std::size_t queued = 0;
  std::size_t running = 0;
  std::size_t keys = 0;
  bool disk_has_room = true;
  service::WebhookStats webhooks = {};
  ports::RelayStats upstreams = {};
  std::size_t relayed = 0;       ///< predictions followed at upstreams, or on their way there
  std::size_t parked = 0;        ///< of these, those without a run
  std::size_t relay_queued = 0;  ///< beyond predictions.relayed
  ports::HookStats upstream_hooks = {};
};

/// The server's metrics in Prometheus form. Names: hekto_http_requests_total{route,method,status},
/// hekto_http_request_seconds{route}, hekto_http_connections, hekto_http_refused_connections_total,
/// hekto_predictions_queued, hekto_predictions_running, hekto_keys, hekto_disk_has_room, hekto_build_info{version},
/// hekto_webhook_attempts_total{outcome}, hekto_webhook_news_total{outcome}, hekto_webhooks_dead_total,
/// hekto_webhooks_pending, hekto_webhooks_in_flight,
/// hekto_upstream_webhooks_total{outcome}. Of upstreams, each with upstream and account:
/// hekto_upstream_usable, _open, _submitting, _creates_left, _creates_per_minute, _create_seconds,
/// hekto_upstream_creates_total{outcome}, hekto_upstream_requests_total; hekto_relay_running, hekto_relay_parked,
/// hekto_relay_queued, hekto_relay_waiting, hekto_submissions_unknown_total.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  /// Any io thread; takes no lock after the first request of a kind.
  void observe(const http::Exchange& exchange);
  std::string text(const Gauges& gauges);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hekto::app
