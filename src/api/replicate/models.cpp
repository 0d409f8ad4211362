// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "api/problem.h"
#include "api/replicate/lists.h"
#include "api/replicate/model_json.h"
#include "api/replicate/model_list.h"
#include "api/replicate/search.h"
#include "domain/search.h"

namespace hekto::api {
namespace {

http::Response json_response(std::string text) {
  http::Response response;
  response.body = std::move(text);
  return response;
}

/// A list that has one page only.
http::Response single_page(std::string_view results) {
  return json_response(page_json({}, "", {}, {}, {}, false, results));
}

const domain::Model* model_in_path(const Api& api, const Call& call) {
  return api.catalog.find(call.request.params[0], call.request.params[1]);
}

/// QUERY /models: the body is the text to look for, bare or as a JSON string.
async::Task<http::Response> query_models(const Api& api, Call& call) {
  const auto words = domain::search_words(search_text(call.request.body));
  std::string results;
  for (const auto& hit : find_models(api.catalog, words, kModelsPerPage)) {
    if (!results.empty()) results += ',';
    append_model(results, *hit.model, call.urls);
  }
  co_return single_page(results);
}

async::Task<http::Response> get_model(const Api& api, Call& call) {
  const auto* model = model_in_path(api, call);
  if (model == nullptr) co_return not_found();
  std::string text;
  append_model(text, *model, call.urls);
  co_return json_response(std::move(text));
}

async::Task<http::Response> get_readme(const Api& api, Call& call) {
  const auto* model = model_in_path(api, call);
  if (model == nullptr || !model->readme) co_return not_found();
  http::Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = *model->readme;
  co_return response;
}

async::Task<http::Response> list_examples(const Api& api, Call& call) {
  const auto* model = model_in_path(api, call);
  if (model == nullptr) co_return not_found();
  std::string results;
  for (const auto& example : model->examples) {
    if (!results.empty()) results += ',';
    json::append_prediction(results, example, call.urls);
  }
  co_return single_page(results);
}

async::Task<http::Response> list_versions(const Api& api, Call& call) {
  const auto* model = model_in_path(api, call);
  if (model == nullptr) co_return not_found();
  std::string results;
  for (const auto& version : model->versions) {
    if (!results.empty()) results += ',';
    append_version(results, version);
  }
  co_return single_page(results);
}

async::Task<http::Response> get_version(const Api& api, Call& call) {
  const auto* model = model_in_path(api, call);
  if (model == nullptr) co_return not_found();
  const auto version = std::ranges::find(model->versions, call.request.params[2], &domain::Version::id);
  if (version == model->versions.end()) co_return not_found();
  std::string text;
  append_version(text, *version);
  co_return json_response(std::move(text));
}

}  // namespace

async::Task<http::Response> list_models(const Api& api, Call& call) {
  const auto request = read_model_list_request(call.request);
  if (!request) co_return error_response(request.error());
  std::vector<ListedModel> models;
  for (const auto& [name, model] : api.catalog.models()) {
    if (model.visibility != "public") continue;
    models.push_back({name, model.created_at, model.latest().created_at,
                      [&model, &urls = call.urls](std::string& out) { append_model(out, model, urls); }});
  }
  co_return json_response(model_page(call.urls, *request, std::move(models)));
}

void add_model_routes(http::Router& router, const Api& api) {
  using service::RateClass;
  const std::string one = "/models/{owner}/{name}";
  add_route(router, api, http::Method::get, "/models", RateClass::other, list_models);
  add_route(router, api, http::Method::query, "/models", RateClass::other, query_models);
  add_route(router, api, http::Method::get, one, RateClass::other, get_model);
  add_route(router, api, http::Method::get, one + "/readme", RateClass::other, get_readme);
  add_route(router, api, http::Method::get, one + "/examples", RateClass::other, list_examples);
  add_route(router, api, http::Method::get, one + "/versions", RateClass::other, list_versions);
  add_route(router, api, http::Method::get, one + "/versions/{id}", RateClass::other, get_version);
}

}  // namespace hekto::api
