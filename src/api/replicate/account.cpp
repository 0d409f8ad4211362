// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"
#include "base/json_text.h"

namespace hekto::api {
namespace {

async::Task<http::Response> get_account(const Api&, Call& call) {
  std::string text = R"({"type":"organization","username":)";
  append_json_string(text, call.caller->account_name());
  text += R"(,"name":)";
  append_json_string(text, call.caller->account_name());
  text += '}';
  http::Response response;
  response.body = std::move(text);
  co_return response;
}

}  // namespace

void add_account_routes(http::Router& router, const Api& api) {
  add_route(router, api, http::Method::get, "/account", service::RateClass::other, get_account);
}

}  // namespace hekto::api
