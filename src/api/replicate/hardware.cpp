// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"
#include "api/replicate/remote.h"
#include "base/json_text.h"

namespace hekto::api {
namespace {

/// A bare array, as the official one.
async::Task<http::Response> list_hardware(const Api& api, Call& call) {
  if (auto remote = co_await remote_answer(api, call)) co_return std::move(*remote);
  std::string text = "[";
  for (const auto& hardware : api.options.hardware) {
    text += text.size() > 1 ? R"(,{"sku":)" : R"({"sku":)";
    append_json_string(text, hardware.sku);
    text += R"(,"name":)";
    append_json_string(text, hardware.name);
    text += '}';
  }
  text += ']';
  http::Response response;
  response.body = std::move(text);
  co_return response;
}

}  // namespace

void add_hardware_routes(http::Router& router, const Api& api) {
  add_route(router, api, http::Method::get, "/hardware", service::RateClass::other, list_hardware);
}

}  // namespace hekto::api
