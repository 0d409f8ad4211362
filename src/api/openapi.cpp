// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"
#include "api/openapi_text.h"
#include "base/encoding.h"
#include "base/hash.h"

namespace hekto::api {
namespace {

async::Task<http::Response> get_document(const Api&, http::Request& request, const json::UrlContext& urls) {
  std::string server(urls.origin);
  server += urls.mount;
  http::Response response;
  std::string text = openapi_document(server);
  const std::string etag = "\"" + hex_encode(sha256(text)).substr(0, 32) + "\"";
  response.set("etag", etag);
  // The document changes with the server's version, and its URL does not say so.
  response.set("cache-control", "no-cache");
  const auto known = request.header("if-none-match");
  if (known == "*" || known.find(etag) != std::string_view::npos) {
    response.status = 304;
  } else {
    response.body = std::move(text);
  }
  co_return response;
}

}  // namespace

void add_openapi_routes(http::Router& router, const Api& api) {
  add_open_route(router, api, http::Method::get, "/openapi.json", get_document);
  router.add(http::Method::get, "/openapi.json", [&api](http::Request& request) -> async::Task<http::Response> {
    const RequestUrls urls(api, request, "/v1");
    co_return co_await get_document(api, request, urls.context());
  });
}

}  // namespace hekto::api
