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

/// The model that the path names: one of the catalog, or one that a client created and the caller may see.
struct FoundModel {
  const domain::Model* offered = nullptr;
  std::optional<domain::OwnedModel> owned;
};
async::Task<Result<FoundModel>> model_in_path(const Api& api, const Call& call) {
  const auto& params = call.request.params;
  FoundModel found;
  found.offered = api.catalog.find(params[0], params[1]);
  if (found.offered == nullptr) {
    auto owned = co_await api.models.get(call.caller->key().account, std::string(params[0]), std::string(params[1]));
    if (!owned) co_return std::unexpected(owned.error());
    found.owned = std::move(*owned);
  }
  co_return found;
}

/// QUERY /models: the body is the text to look for, bare or as a JSON string.
async::Task<http::Response> query_models(const Api& api, Call& call) {
  const auto owned = co_await api.models.visible(call.caller->key().account);
  if (!owned) co_return error_response(owned.error());
  const auto words = domain::search_words(search_text(call.request.body));
  std::string results;
  for (const auto& hit : find_models(model_views(api.catalog, *owned), words, kModelsPerPage)) {
    if (!results.empty()) results += ',';
    hit.model.append(results, call.urls);
  }
  co_return single_page(results);
}

async::Task<http::Response> get_model(const Api& api, Call& call) {
  const auto found = co_await model_in_path(api, call);
  if (!found) co_return error_response(found.error());
  std::string text;
  const auto view = found->offered != nullptr ? ModelView(*found->offered) : ModelView(*found->owned);
  view.append(text, call.urls);
  co_return json_response(std::move(text));
}

async::Task<http::Response> get_readme(const Api& api, Call& call) {
  auto found = co_await model_in_path(api, call);
  if (!found) co_return error_response(found.error());
  auto readme = found->offered != nullptr ? found->offered->readme : std::move(found->owned->readme);
  if (!readme) co_return not_found();
  http::Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(*readme);
  co_return response;
}

async::Task<http::Response> list_examples(const Api& api, Call& call) {
  const auto found = co_await model_in_path(api, call);
  if (!found) co_return error_response(found.error());
  if (found->offered == nullptr) co_return single_page("");
  std::string results;
  for (const auto& example : found->offered->examples) {
    if (!results.empty()) results += ',';
    json::append_prediction(results, example, call.urls);
  }
  co_return single_page(results);
}

async::Task<http::Response> list_versions(const Api& api, Call& call) {
  const auto found = co_await model_in_path(api, call);
  if (!found) co_return error_response(found.error());
  if (found->offered == nullptr) co_return single_page("");
  std::string results;
  for (const auto& version : found->offered->versions) {
    if (!results.empty()) results += ',';
    append_version(results, version);
  }
  co_return single_page(results);
}

async::Task<http::Response> get_version(const Api& api, Call& call) {
  const auto* model = api.catalog.find(call.request.params[0], call.request.params[1]);
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
  const auto owned = co_await api.models.visible(call.caller->key().account);
  if (!owned) co_return error_response(owned.error());
  std::vector<ListedModel> models;
  for (const auto& view : model_views(api.catalog, *owned)) {
    models.push_back({view.full_name(), view.created_at(), view.latest_version_at(),
                      [view, &urls = call.urls](std::string& out) { view.append(out, urls); }});
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
