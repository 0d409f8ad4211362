// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/server.h"
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
};

/// The server's metrics in Prometheus form. Names: hekto_http_requests_total{route,method,status},
/// hekto_http_request_seconds{route}, hekto_http_connections, hekto_http_refused_connections_total,
/// hekto_predictions_queued, hekto_predictions_running, hekto_keys, hekto_disk_has_room, hekto_build_info{version},
/// hekto_webhook_attempts_total{outcome}, hekto_webhook_news_total{outcome}, hekto_webhooks_dead_total,
/// hekto_webhooks_pending, hekto_webhooks_in_flight.
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
