// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"
#include "api/problem.h"

namespace hekto::api {
namespace {

/// A prediction with its logs and its output, which may be data: URLs. What is larger is asked for by the safety poll.
constexpr std::size_t kMaxBody = 16 << 20;

http::Response refused(const Error& error) {
  auto response = error_response(error);
  response.set("cache-control", "no-store");
  return response;
}

async::Task<http::Response> take(ports::UpstreamHooks& hooks, http::Request& request) {
  ports::HookCall call;
  call.token = request.params[0];
  call.id = request.header("webhook-id");
  call.timestamp = request.header("webhook-timestamp");
  call.signature = request.header("webhook-signature");
  call.body = request.body;
  const auto taken = co_await hooks.take(std::move(call));
  if (!taken) co_return refused(taken.error());
  http::Response response;
  response.body = "{}\n";
  response.set("cache-control", "no-store");
  co_return response;
}

}  // namespace

void add_upstream_webhook_routes(http::Router& router, ports::UpstreamHooks& hooks) {
  http::RouteOptions options;
  options.max_body = kMaxBody;
  // Without a token of ours and a signature no body is read.
  options.admit = [&hooks](const http::Request& request) -> std::optional<http::Response> {
    if (!hooks.knows(request.params[0])) return not_found();
    if (!request.has_header("webhook-signature")) {
      return refused({ErrorCode::unauthenticated, "This webhook is not signed."});
    }
    return std::nullopt;
  };
  router.add(
      http::Method::post, "/upstream-webhooks/{token}",
      [&hooks](http::Request& request) { return take(hooks, request); }, std::move(options));
}

}  // namespace hekto::api
