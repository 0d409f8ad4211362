// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "app/access_log.h"
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

}  // namespace
}  // namespace hekto::app
