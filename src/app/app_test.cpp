// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "app/access_log.h"
#include "app/egress_rules.h"
#include "app/metrics.h"

namespace hekto::app {
namespace {

using namespace std::chrono_literals;

http::Request request(std::string_view path) {
  http::Request r;
  r.path = path;
  return r;
}

TEST(AccessLog, NeverHoldsATokenOfALink) {
  const http::Route route{http::Method::get, "/delivery/{token}/{name}", {}, {}};
  const http::Request r = request("/delivery/secret/out-0.png");
  EXPECT_EQ(loggable_path({r, &route, 200, 0, 1us}), "/delivery/{token}/{name}");
  EXPECT_EQ(loggable_path({r, nullptr, 404, 0, 1us}), "/delivery/");
  const http::Request deep = request("/replicate/v1/streams/secret");
  EXPECT_EQ(loggable_path({deep, nullptr, 405, 0, 1us}), "/replicate/v1/streams/");
}

TEST(AccessLog, CutsLongPaths) {
  const std::string path(5000, 'a');
  const http::Request r = request(path);
  EXPECT_EQ(loggable_path({r, nullptr, 404, 0, 1us}).size(), 200u);
}

TEST(Metrics, CountRequestsByRouteAndStatus) {
  Metrics metrics;
  const http::Route route{http::Method::get, "/healthz", {}, {}};
  const http::Request r = request("/healthz");
  metrics.observe({r, &route, 200, 3, 2ms});
  metrics.observe({r, &route, 200, 3, 2ms});
  metrics.observe({r, nullptr, 404, 3, 2ms});
  const std::string text = metrics.text(Gauges{.connections = 7});
  EXPECT_NE(text.find(R"(hekto_http_requests_total{method="GET",route="/healthz",status="200"} 2)"), std::string::npos)
      << text;
  EXPECT_NE(text.find(R"(hekto_http_requests_total{method="none",route="none",status="404"} 1)"), std::string::npos);
  EXPECT_NE(text.find("hekto_http_connections 7"), std::string::npos);
}

TEST(Metrics, TellHowWebhooksFare) {
  Metrics metrics;
  Gauges gauges;
  gauges.webhooks = {.delivered = 3, .failed = 2, .dead = 1, .pending = 4, .in_flight = 5, .news = {6, 7, 8}};
  metrics.text(gauges);
  const std::string text = metrics.text(gauges);
  for (const char* line :
       {"hekto_webhook_attempts_total{outcome=\"delivered\"} 3\n",
        "hekto_webhook_attempts_total{outcome=\"failed\"} 2\n", "hekto_webhooks_dead_total 1\n",
        "hekto_webhooks_pending 4\n", "hekto_webhooks_in_flight 5\n",
        "hekto_webhook_news_total{outcome=\"delivered\"} 6\n", "hekto_webhook_news_total{outcome=\"failed\"} 7\n",
        "hekto_webhook_news_total{outcome=\"dropped\"} 8\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Metrics, TellHowUpstreamsFare) {
  Metrics metrics;
  Gauges gauges;
  gauges.relayed = 9;
  gauges.relay_queued = 8;
  ports::UpstreamAccountStats account;
  account.name = "main";
  account.state = "throttled";
  account.open = 12;
  account.accepted = 40;
  account.ambiguous = 1;
  account.requests = 99;
  account.creates_a_minute = 600;
  account.create_time = 250ms;
  gauges.upstreams = {.upstreams = {{"replicate", "https://api.replicate.com", {account}}}, .waiting = 7, .unknown = 2};
  metrics.text(gauges);
  const std::string text = metrics.text(gauges);
  const std::string labels = R"({account="main",upstream="replicate"})";
  for (const std::string& line :
       {"hekto_upstream_usable" + labels + " 0\n", "hekto_upstream_open" + labels + " 12\n",
        "hekto_upstream_requests_total" + labels + " 99\n", "hekto_upstream_creates_per_minute" + labels + " 600\n",
        "hekto_upstream_create_seconds" + labels + " 0.25\n",
        std::string(R"(hekto_upstream_creates_total{account="main",outcome="accepted",upstream="replicate"} 40)"),
        std::string(R"(hekto_upstream_creates_total{account="main",outcome="ambiguous",upstream="replicate"} 1)"),
        std::string("hekto_relay_waiting 7\n"), std::string("hekto_submissions_unknown_total 2\n"),
        std::string("hekto_relay_running 9\n"), std::string("hekto_relay_queued 8\n")}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(EgressRules, AllowThisMachineOnlyWhileNobodyElseReachesTheServer) {
  const auto loopback = *parse_ip_address("127.0.0.1");
  const auto permits = [&](std::vector<std::string> listen, std::string public_url) {
    Config config;
    config.listen = std::move(listen);
    config.public_url = std::move(public_url);
    return egress_policy(config)->permits(loopback, 443);
  };
  EXPECT_TRUE(permits({"127.0.0.1:0"}, ""));
  EXPECT_TRUE(permits({"127.0.0.1:0", "[::1]:0", "localhost:0", "127.1.2.3:0"}, ""));
  EXPECT_TRUE(permits({"127.0.0.1:0"}, "http://localhost:8080"));
  EXPECT_TRUE(permits({"127.0.0.1:0"}, "https://[::1]:8080"));
  EXPECT_FALSE(permits({"0.0.0.0:0"}, ""));
  EXPECT_FALSE(permits({"127.0.0.1:0", "[::]:0"}, ""));
  EXPECT_FALSE(permits({"192.168.1.2:0"}, ""));
  EXPECT_FALSE(permits({"127.0.0.1:0"}, "https://hekto.example")) << "others come through a proxy";

  Config proxied;
  proxied.listen = {"127.0.0.1:0"};
  for (const auto& [proxies, allowed] : std::vector<std::pair<std::vector<std::string>, bool>>{
           {{}, true}, {{"127.0.0.0/8"}, true}, {{"127.0.0.1"}, false}, {{"::1", "10.0.0.1"}, false}}) {
    proxied.trusted_proxies = proxies;
    EXPECT_EQ(egress_policy(proxied)->permits(loopback, 443), allowed);
  }
}

TEST(EgressRules, AllowTheNetworksOfTheConfiguration) {
  Config config;
  config.listen = {"0.0.0.0:8080"};
  EXPECT_FALSE(egress_policy(config)->permits(*parse_ip_address("10.1.2.3"), 443));
  config.egress_allow = {"10.1.0.0/16", "127.0.0.1"};
  EXPECT_TRUE(egress_policy(config)->permits(*parse_ip_address("10.1.2.3"), 443));
  EXPECT_TRUE(egress_policy(config)->permits(*parse_ip_address("127.0.0.1"), 443));
  EXPECT_FALSE(egress_policy(config)->permits(*parse_ip_address("10.2.0.1"), 443));
  EXPECT_TRUE(egress_policy(config)->permits(*parse_ip_address("8.8.8.8"), 443));
}

TEST(EgressRules, KeepToThePortsOfTheConfigurationAndOffTheServersOwn) {
  const auto global = *parse_ip_address("8.8.8.8");
  const auto loopback = *parse_ip_address("127.0.0.1");
  Config config;
  config.listen = {"127.0.0.1:8080", "127.0.0.1:0"};
  config.egress_allow = {"127.0.0.0/8"};
  EXPECT_TRUE(egress_policy(config)->permits(global, 80));
  EXPECT_FALSE(egress_policy(config)->permits(global, 25));
  EXPECT_TRUE(egress_policy(config)->permits(loopback, 8081));
  EXPECT_FALSE(egress_policy(config)->permits(loopback, 8080));
  config.egress_ports = {"25", "9000-9002"};
  EXPECT_TRUE(egress_policy(config)->permits(global, 25));
  EXPECT_TRUE(egress_policy(config)->permits(global, 9002));
  EXPECT_FALSE(egress_policy(config)->permits(global, 80));
  EXPECT_FALSE(egress_policy(config)->permits(global, 9003));
}

}  // namespace
}  // namespace hekto::app
