// SPDX-License-Identifier: Apache-2.0
#include "app/upstream_metrics.h"

namespace hekto::app {
namespace {

prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

void raise(prometheus::Counter& counter, std::uint64_t to) {
  counter.Increment(static_cast<double>(to) - counter.Value());
}

}  // namespace

UpstreamMetrics::UpstreamMetrics(prometheus::Registry& registry)
    : usable_(gauges(registry, "hekto_upstream_usable", "1 while creates go to this account; at 0 it is left alone")),
      open_(gauges(registry, "hekto_upstream_open", "Predictions that the account has accepted and not ended")),
      submitting_(gauges(registry, "hekto_upstream_submitting", "Creates that wait for the upstream's answer")),
      creates_left_(gauges(registry, "hekto_upstream_creates_left", "Creates that may be sent at once")),
      creates_per_minute_(gauges(registry, "hekto_upstream_creates_per_minute",
                                 "Creates that the account may send, as configured or as learnt")),
      create_seconds_(gauges(registry, "hekto_upstream_create_seconds",
                             "From sending a create to its answer, smoothed over the last ones")),
      creates_(
          counters(registry, "hekto_upstream_creates_total", "Creates sent to the account, by what became of them")),
      requests_(counters(registry, "hekto_upstream_requests_total", "All requests sent in the account's name")),
      waiting_(gauges(registry, "hekto_relay_waiting", "Predictions that wait for their turn at an upstream").Add({})),
      unknown_(counters(registry, "hekto_submissions_unknown_total",
                        "Submissions of which it could not be learnt whether the upstream took them")
                   .Add({})),
      unsettled_(gauges(registry, "hekto_submissions_unsettled",
                        "Of these, those that no operator has settled, from whenever; counted up to 1000")
                     .Add({})) {}

void UpstreamMetrics::set(const ports::RelayStats& stats) {
  for (const auto& upstream : stats.upstreams) {
    for (const auto& account : upstream.accounts) {
      const prometheus::Labels labels = {{"upstream", upstream.name}, {"account", account.name}};
      usable_.Add(labels).Set(account.state == "ok" ? 1 : 0);
      open_.Add(labels).Set(static_cast<double>(account.open));
      submitting_.Add(labels).Set(static_cast<double>(account.submitting));
      creates_left_.Add(labels).Set(account.creates_left);
      creates_per_minute_.Add(labels).Set(account.creates_a_minute);
      create_seconds_.Add(labels).Set(to_seconds(account.create_time));
      raise(requests_.Add(labels), account.requests);
      const auto outcome = [&](const char* name, std::uint64_t count) {
        auto with = labels;
        with.emplace("outcome", name);
        raise(creates_.Add(with), count);
      };
      outcome("accepted", account.accepted);
      outcome("refused", account.refused);
      outcome("turned_away", account.turned_away);
      outcome("ambiguous", account.ambiguous);
    }
  }
  waiting_.Set(static_cast<double>(stats.waiting));
  raise(unknown_, stats.unknown);
  unsettled_.Set(static_cast<double>(stats.unsettled));
}

}  // namespace hekto::app
