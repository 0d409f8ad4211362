// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"
#include "api/problem.h"
#include "base/json_text.h"

namespace hekto::api {
namespace {

async::Task<http::Response> get_default_secret(const Api& api, Call& call) {
  const auto secret = co_await api.webhooks.secret(call.caller->key().account);
  if (!secret) co_return error_response(secret.error());
  std::string text = R"({"key":)";
  append_json_string(text, secret->reveal());
  text += '}';
  http::Response response;
  response.body = std::move(text);
  response.set("cache-control", "no-store");
  co_return response;
}

}  // namespace

void add_webhook_routes(http::Router& router, const Api& api) {
  add_route(router, api, http::Method::get, "/webhooks/default/secret", service::RateClass::other, get_default_secret);
}

}  // namespace hekto::api
