// SPDX-License-Identifier: Apache-2.0
#include "domain/delivery.h"

#include "api/api.h"
#include "api/file_response.h"
#include "api/problem.h"
#include "base/encoding.h"

namespace hekto::api {
namespace {

http::Response refused(std::string_view why) {
  auto response = http::problem(403, why, "Forbidden");
  response.set("access-control-allow-origin", "*");
  response.set("cache-control", "no-store");
  return response;
}

async::Task<http::Response> deliver(const Api& api, http::Request& request) {
  const auto link = api.signer.verify(request.params[0]);
  if (!link) co_return refused("This link is not valid.");
  const auto found = co_await api.predictions.get_unchecked(link->prediction_id);
  if (!found)
    co_return found.error().code == ErrorCode::not_found ? refused("This link has expired.")
                                                         : error_response(found.error());
  const domain::Prediction& p = (*found)->value;
  const Time now = api.clock.now();
  const auto name = percent_decode(request.params[1], false).value_or("");
  const auto file = domain::delivered_file(p, *link, name, now, api.options.link_lifetime);
  if (!file) {
    co_return refused(file.error() == domain::LinkRefusal::expired ? "This link has expired."
                                                                   : "This link is not valid.");
  }
  const Duration left = p.completed_at.value_or(now) + api.options.link_lifetime - now;
  co_return co_await file_response(api.files, request, p.id, **file, left);
}

async::Task<http::Response> preflight(const Api&, http::Request&) {
  http::Response response;
  response.status = 204;
  response.content_type = {};
  response.set("access-control-allow-origin", "*");
  response.set("access-control-allow-methods", "GET, HEAD, OPTIONS");
  response.set("access-control-allow-headers", "Authorization, Range, If-Range, If-None-Match");
  response.set("access-control-max-age", "86400");
  co_return response;
}

}  // namespace

void add_delivery_routes(http::Router& router, const Api& api) {
  router.add(http::Method::get, "/delivery/{token}/{name}",
             [&api](http::Request& request) { return deliver(api, request); });
  router.add(http::Method::options, "/delivery/{token}/{name}",
             [&api](http::Request& request) { return preflight(api, request); });
}

}  // namespace hekto::api
