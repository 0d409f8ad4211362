// SPDX-License-Identifier: Apache-2.0
#include "app/metrics.h"

#include <atomic>
#include <unordered_map>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "app/upstream_metrics.h"

namespace hekto::app {
namespace {

const prometheus::Histogram::BucketBoundaries kSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                          0.25,   0.5,   1,      2.5,   5,    10,    60};

/// A prometheus family takes a lock at each look-up, so every thread remembers what it has used.
struct Series {
  prometheus::Counter* requests = nullptr;
  prometheus::Histogram* seconds = nullptr;
};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter().Name("hekto_http_requests_total").Help("Answered requests").Register(registry);
  prometheus::Family<prometheus::Histogram>& seconds = prometheus::BuildHistogram()
                                                           .Name("hekto_http_request_seconds")
                                                           .Help("Time from the request's head to its answer")
                                                           .Register(registry);
  prometheus::Gauge& connections = gauge("hekto_http_connections", "Open connections");
  prometheus::Counter& refused = prometheus::BuildCounter()
                                     .Name("hekto_http_refused_connections_total")
                                     .Help("Connections over the limit")
                                     .Register(registry)
                                     .Add({});
  prometheus::Gauge& queued = gauge("hekto_predictions_queued", "Predictions waiting to run");
  prometheus::Gauge& running = gauge("hekto_predictions_running", "Predictions running");
  prometheus::Gauge& keys = gauge("hekto_keys", "Known keys, revoked ones included");
  prometheus::Gauge& disk = gauge("hekto_disk_has_room", "1 while storage.reserve is free; at 0 creates are refused");
  prometheus::Family<prometheus::Counter>& attempts =
      prometheus::BuildCounter()
          .Name("hekto_webhook_attempts_total")
          .Help("Attempts to deliver a webhook for a finished prediction")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& news = prometheus::BuildCounter()
                                                      .Name("hekto_webhook_news_total")
                                                      .Help("Webhooks for start, output and logs")
                                                      .Register(registry);
  prometheus::Counter& attempts_delivered = attempts.Add({{"outcome", "delivered"}});
  prometheus::Counter& attempts_failed = attempts.Add({{"outcome", "failed"}});
  prometheus::Counter& news_sent = news.Add({{"outcome", "delivered"}});
  prometheus::Counter& news_failed = news.Add({{"outcome", "failed"}});
  prometheus::Counter& news_dropped = news.Add({{"outcome", "dropped"}});
  prometheus::Counter& dead =
      prometheus::BuildCounter().Name("hekto_webhooks_dead_total").Help("Webhooks given up").Register(registry).Add({});
  prometheus::Family<prometheus::Counter>& upstream_hooks =
      prometheus::BuildCounter()
          .Name("hekto_upstream_webhooks_total")
          .Help("Webhooks of upstreams that came with a URL of ours")
          .Register(registry);
  prometheus::Counter& hooks_received = upstream_hooks.Add({{"outcome", "received"}});
  prometheus::Counter& hooks_verified = upstream_hooks.Add({{"outcome", "verified"}});
  prometheus::Counter& hooks_refused = upstream_hooks.Add({{"outcome", "refused"}});
  prometheus::Gauge& pending = gauge("hekto_webhooks_pending", "Webhooks to be delivered, now or later");
  prometheus::Gauge& in_flight = gauge("hekto_webhooks_in_flight", "Webhooks that are being sent");
  UpstreamMetrics upstreams{registry};
  prometheus::Gauge& relayed = gauge("hekto_relay_running", "Predictions at upstreams or on their way there");
  prometheus::Gauge& parked = gauge("hekto_relay_parked", "Of these, those of which nothing was new for a while");
  prometheus::Gauge& relay_queued = gauge("hekto_relay_queued", "Predictions beyond predictions.relayed");
  const std::uint64_t id = next_id();

  Impl() {
    prometheus::BuildGauge()
        .Name("hekto_build_info")
        .Help("Always 1; the version is in the label")
        .Register(registry)
        .Add({{"version", HEKTO_VERSION}})
        .Set(1);
  }

  static std::uint64_t next_id() {
    static std::atomic<std::uint64_t> counter{0};
    return ++counter;
  }

  prometheus::Gauge& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
  }

  static void raise(prometheus::Counter& counter, std::size_t to) {
    counter.Increment(static_cast<double>(to) - counter.Value());
  }

  void set(const service::WebhookStats& stats) {
    raise(attempts_delivered, stats.delivered);
    raise(attempts_failed, stats.failed);
    raise(news_sent, stats.news.sent);
    raise(news_failed, stats.news.failed);
    raise(news_dropped, stats.news.dropped);
    raise(dead, stats.dead);
    pending.Set(static_cast<double>(stats.pending));
    in_flight.Set(static_cast<double>(stats.in_flight));
  }

  Series& series(const http::Exchange& exchange) {
    struct Cache {
      std::uint64_t owner = 0;
      std::unordered_map<std::uintptr_t, Series> by_kind;
    };
    static thread_local Cache cache;
    if (cache.owner != id) cache = {id, {}};
    // A route's address is a multiple of 8 and a status below 1024, so the two combine without collision.
    const auto kind = (reinterpret_cast<std::uintptr_t>(exchange.route) << 10) | exchange.status;
    Series& found = cache.by_kind[kind];
    if (found.requests == nullptr) {
      const std::string route = exchange.route != nullptr ? exchange.route->pattern : "none";
      const std::string method{exchange.route != nullptr ? http::to_string(exchange.route->method) : "none"};
      found.requests =
          &requests.Add({{"route", route}, {"method", method}, {"status", std::to_string(exchange.status)}});
      found.seconds = &seconds.Add({{"route", route}}, kSeconds);
    }
    return found;
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::observe(const http::Exchange& exchange) {
  Series& series = impl_->series(exchange);
  series.requests->Increment();
  series.seconds->Observe(std::chrono::duration<double>(exchange.duration).count());
}

std::string Metrics::text(const Gauges& gauges) {
  impl_->connections.Set(static_cast<double>(gauges.connections));
  impl_->refused.Increment(static_cast<double>(gauges.refused_connections) - impl_->refused.Value());
  impl_->queued.Set(static_cast<double>(gauges.queued));
  impl_->running.Set(static_cast<double>(gauges.running));
  impl_->keys.Set(static_cast<double>(gauges.keys));
  impl_->disk.Set(gauges.disk_has_room ? 1 : 0);
  impl_->set(gauges.webhooks);
  impl_->upstreams.set(gauges.upstreams);
  impl_->relayed.Set(static_cast<double>(gauges.relayed));
  impl_->parked.Set(static_cast<double>(gauges.parked));
  impl_->relay_queued.Set(static_cast<double>(gauges.relay_queued));
  impl_->raise(impl_->hooks_received, gauges.upstream_hooks.received);
  impl_->raise(impl_->hooks_verified, gauges.upstream_hooks.verified);
  impl_->raise(impl_->hooks_refused, gauges.upstream_hooks.refused);
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace hekto::app
