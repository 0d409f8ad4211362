// SPDX-License-Identifier: Apache-2.0
#include "api/system.h"

#include "api/outside.h"
#include "api/problem.h"
#include "base/ids.h"

namespace hekto::api {
namespace {

http::Response text_response(unsigned status, std::string_view content_type, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = content_type;
  response.body = std::move(text);
  response.set("cache-control", "no-store");
  return response;
}

bool is_local(const http::Request& request) {
  const bool loopback = request.remote.empty() || request.remote == "::1" || request.remote.starts_with("127.") ||
                        request.remote.starts_with("::ffff:127.");
  return loopback && !names_a_proxy(request);
}

/// The page shows nothing of the prediction: it has no key to read it with.
http::Response prediction_page(std::string_view id) {
  std::string page =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Prediction ";
  page.append(id).append(
      "</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:4rem auto;padding:0 1rem}"
      "pre{background:#f4f4f5;padding:1rem;overflow:auto;border-radius:6px}</style><h1>Prediction</h1><p><code>");
  page.append(id).append(
      "</code></p><p>Read it with the key that made it:</p><pre>curl -H \"Authorization: Bearer $HEKTO_KEY\" \\\n  ");
  page.append("…/v1/predictions/").append(id).append("</pre></html>\n");
  auto response = text_response(200, "text/html; charset=utf-8", std::move(page));
  response.set("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
  response.set("x-content-type-options", "nosniff");
  response.set("referrer-policy", "no-referrer");
  return response;
}

}  // namespace

void add_system_routes(http::Router& router, SystemStatus status) {
  router.add(http::Method::get, "/healthz",
             [](http::Request&) -> async::Task<http::Response> { co_return text_response(200, "text/plain", "ok\n"); });
  router.add(http::Method::get, "/readyz", [ready = status.ready](http::Request&) -> async::Task<http::Response> {
    if (ready()) co_return text_response(200, "text/plain", "ready\n");
    co_return http::problem(503, "This server does not take requests now.", "Service unavailable");
  });
  router.add(http::Method::get, "/metrics",
             [metrics = status.metrics](http::Request& request) -> async::Task<http::Response> {
               if (!is_local(request)) co_return not_found();
               co_return text_response(200, "text/plain; version=0.0.4; charset=utf-8", metrics());
             });
  router.add(http::Method::get, "/p/{id}", [](http::Request& request) -> async::Task<http::Response> {
    if (!is_id(request.params[0])) co_return not_found();
    co_return prediction_page(request.params[0]);
  });
}

}  // namespace hekto::api
