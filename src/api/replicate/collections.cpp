// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"
#include "api/problem.h"
#include "api/replicate/model_json.h"
#include "api/replicate/page.h"
#include "api/replicate/remote.h"
#include "base/json_text.h"

namespace hekto::api {
namespace {

/// The members that a list shows, with the brace open.
void append_collection(std::string& out, const domain::Collection& collection) {
  out += R"({"name":)";
  append_json_string(out, collection.name);
  out += R"(,"slug":)";
  append_json_string(out, collection.slug);
  out += R"(,"description":)";
  append_json_string(out, collection.description);
}

http::Response json_response(std::string text) {
  http::Response response;
  response.body = std::move(text);
  return response;
}

async::Task<http::Response> list_collections(const Api& api, Call& call) {
  if (auto remote = co_await remote_answer(api, call)) co_return std::move(*remote);
  std::string results;
  for (const auto& collection : api.catalog.collections()) {
    if (!results.empty()) results += ',';
    append_collection(results, collection);
    results += '}';
  }
  co_return json_response(page_json(call.urls, "/collections", {}, {}, {}, false, results));
}

async::Task<http::Response> get_collection(const Api& api, Call& call) {
  if (auto remote = co_await remote_answer(api, call)) co_return std::move(*remote);
  const auto* collection = api.catalog.find_collection(call.request.params[0]);
  if (collection == nullptr) co_return not_found();
  std::string text;
  append_collection(text, *collection);
  append_text_or_null(text, "full_description", collection->full_description);
  text += R"(,"models":[)";
  for (std::size_t i = 0; i < collection->models.size(); ++i) {
    if (i > 0) text += ',';
    append_model(text, api.catalog.models().at(collection->models[i]), call.urls);
  }
  text += "]}";
  co_return json_response(std::move(text));
}

}  // namespace

void add_collection_routes(http::Router& router, const Api& api) {
  add_route(router, api, http::Method::get, "/collections", service::RateClass::other, list_collections);
  add_route(router, api, http::Method::get, "/collections/{slug}", service::RateClass::other, get_collection);
}

}  // namespace hekto::api
