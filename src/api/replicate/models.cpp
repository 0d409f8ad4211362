// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "api/problem.h"
#include "api/replicate/lists.h"
#include "api/replicate/merged_models.h"
#include "api/replicate/model_json.h"
#include "api/replicate/model_list.h"
#include "api/replicate/remote.h"
#include "api/replicate/search.h"
#include "domain/search.h"

namespace hekto::api {
namespace {

constexpr std::size_t kVersionsPerPage = 100;

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
  for (const auto& hit : find_models(model_views(api, viewer_of(call), *owned), words, kModelsPerPage)) {
    if (!results.empty()) results += ',';
    hit.model.append(results, call.urls);
  }
  if (auto remote = co_await remote_answer(api, call))
    co_return behind_ours(std::move(*remote), "results", results, kModelsPerPage);
  co_return single_page(results);
}

async::Task<http::Response> get_model(const Api& api, Call& call) {
  if (auto remote = co_await remote_answer(api, call)) co_return std::move(*remote);
  const auto found = co_await model_in_path(api, call);
  if (!found) co_return error_response(found.error());
  std::string text;
  if (found->offered != nullptr) {
    ModelView(*found->offered).append(text, call.urls);
  } else {
    ModelView(*found->owned, co_await latest_of(api, viewer_of(call), *found->owned)).append(text, call.urls);
  }
  co_return json_response(std::move(text));
}

async::Task<http::Response> get_readme(const Api& api, Call& call) {
  if (auto remote = co_await remote_answer(api, call)) co_return std::move(*remote);
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
  if (auto remote = co_await remote_answer(api, call)) co_return std::move(*remote);
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

/// Versions of a client's own model, which may be many.
async::Task<http::Response> list_trained_versions(const Api& api, const Call& call, const domain::OwnedModel& model) {
  const auto from = read_page_request(call.request);
  if (!from) co_return error_response(from.error());
  auto versions = co_await api.models.versions(model);
  if (!versions) co_return error_response(versions.error());
  const auto place = [](const domain::TrainedVersion& v) { return ports::Position{v.created_at, v.id}; };
  const auto is_newer = [](const ports::Position& a, const ports::Position& b) {
    return std::tie(a.created_at, a.id) > std::tie(b.created_at, b.id);
  };
  std::ranges::sort(*versions, is_newer, place);
  if (from->at) {
    std::erase_if(*versions, [&](const auto& v) {
      return from->newer ? !is_newer(place(v), *from->at) : !is_newer(*from->at, place(v));
    });
  }
  const bool more = versions->size() > kVersionsPerPage;
  const auto surplus = static_cast<std::ptrdiff_t>(more ? versions->size() - kVersionsPerPage : 0);
  if (from->newer) {
    versions->erase(versions->begin(), versions->begin() + surplus);
  } else {
    versions->erase(versions->end() - surplus, versions->end());
  }
  // What is not known yet is asked for all at once.
  for (const auto& version : *versions) (void)api.versions.like(viewer_of(call), version);
  std::string results;
  for (const auto& version : *versions) {
    const auto like = co_await api.versions.like_certainly(viewer_of(call), version);
    if (!like) continue;
    if (!results.empty()) results += ',';
    append_version(results, version, *like);
  }
  std::optional<ports::Position> first;
  std::optional<ports::Position> last;
  if (!versions->empty()) {
    first = place(versions->front());
    last = place(versions->back());
  }
  const std::string path = "/models/" + model.owner + "/" + model.name + "/versions";
  co_return json_response(page_json(call.urls, path, *from, first, last, more, results));
}

async::Task<http::Response> get_version(const Api& api, Call& call) {
  if (auto remote = co_await remote_answer(api, call)) co_return std::move(*remote);
  const std::string_view id = call.request.params[2];
  const auto found = co_await model_in_path(api, call);
  if (!found) co_return error_response(found.error());
  std::string text;
  if (found->offered != nullptr) {
    const auto version = std::ranges::find(found->offered->versions, id, &domain::Version::id);
    if (version == found->offered->versions.end()) co_return not_found();
    append_version(text, *version);
  } else {
    const auto versions = co_await api.models.versions(*found->owned);
    if (!versions) co_return error_response(versions.error());
    const auto version = std::ranges::find(*versions, id, &domain::TrainedVersion::id);
    const auto like =
        version == versions->end() ? nullptr : co_await api.versions.like_certainly(viewer_of(call), *version);
    if (!like) co_return not_found();
    append_version(text, *version, *like);
  }
  co_return json_response(std::move(text));
}

}  // namespace

async::Task<http::Response> list_versions(const Api& api, Call& call) {
  if (auto remote = co_await remote_answer(api, call)) co_return std::move(*remote);
  const auto found = co_await model_in_path(api, call);
  if (!found) co_return error_response(found.error());
  if (found->owned) co_return co_await list_trained_versions(api, call, *found->owned);
  std::string results;
  for (const auto& version : found->offered->versions) {
    if (!results.empty()) results += ',';
    append_version(results, version);
  }
  co_return single_page(results);
}

async::Task<http::Response> list_models(const Api& api, Call& call) {
  const bool remote = is_remote(api, call);
  MergedCursor merged;
  const auto cursor = call.request.query_param("cursor").value_or("");
  if (remote && is_merged_cursor(cursor)) {
    auto read = read_merged_cursor(cursor);
    if (!read) co_return error_response(read.error());
    merged = std::move(*read);
  } else if (remote && !cursor.empty()) {
    co_return *co_await remote_answer(api, call);
  }
  const bool goes_on = remote && !cursor.empty();
  const auto request = goes_on ? Result<ModelListRequest>() : read_model_list_request(call.request);
  if (!request) co_return error_response(request.error());
  const auto owned = co_await api.models.visible(call.caller->key().account);
  if (!owned) co_return error_response(owned.error());
  std::vector<ListedModel> models;
  for (const auto& view : model_views(api, viewer_of(call), *owned)) {
    models.push_back({view.full_name(), view.created_at(), view.latest_version_at(),
                      [view, &urls = call.urls](std::string& out) { view.append(out, urls); }});
  }
  if (!remote) co_return json_response(model_page(call.urls, *request, std::move(models)));
  if (!goes_on && models.empty()) co_return *co_await remote_answer(api, call);
  if (!goes_on) {
    merged.by_creation = request->by_creation;
    merged.ascending = request->ascending;
  }
  co_return co_await merged_models(api, call, std::move(merged), std::move(models));
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
