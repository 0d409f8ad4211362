// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"
#include "api/replicate/account_json.h"
#include "base/json_text.h"

namespace hekto::api {
namespace {

async::Task<http::Response> get_account(const Api&, Call& call) {
  std::string text;
  append_account(text, call.caller->account_name());
  http::Response response;
  response.body = std::move(text);
  co_return response;
}

}  // namespace

void append_account(std::string& out, std::string_view name) {
  out += R"({"type":"organization","username":)";
  append_json_string(out, name);
  out += R"(,"name":)";
  append_json_string(out, name);
  out += '}';
}

void add_account_routes(http::Router& router, const Api& api) {
  add_route(router, api, http::Method::get, "/account", service::RateClass::other, get_account);
}

}  // namespace hekto::api
