// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/search.h"

#include <algorithm>
#include <charconv>

#include "api/api.h"
#include "api/problem.h"
#include "api/replicate/remote.h"
#include "base/json_text.h"
#include "domain/search.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

constexpr std::size_t kDefaultLimit = 20;
constexpr std::size_t kMaxLimit = 50;

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out.append(out.empty() ? "" : " ").append(text);
  return out;
}

double score_of(const ModelView& model, const std::vector<std::string>& words) {
  const std::string tags = joined(model.tags());
  const domain::SearchField fields[] = {
      {model.name(), 4}, {model.owner(), 3}, {tags, 3}, {model.description(), 2}, {model.readme(), 1}};
  return domain::search_score(words, fields);
}

/// The official form of this route's refusals has nothing but the detail.
http::Response bad_query(std::string_view detail) {
  std::string body = R"({"detail":)";
  append_json_string(body, detail);
  body += '}';
  http::Response response;
  response.status = 400;
  response.content_type = "application/problem+json";
  response.body = std::move(body);
  return response;
}

void append_hit(std::string& out, const ModelHit& hit, const json::UrlContext& urls) {
  out += R"({"model":)";
  hit.model.append(out, urls);
  out += R"(,"metadata":{"generated_description":)";
  append_json_string(out, hit.model.description());
  out += R"(,"tags":[)";
  const auto tags = hit.model.tags();
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, tags[i]);
  }
  out += R"(],"score":)";
  json::append_number(out, hit.score);
  out += "}}";
}

void append_collection_hit(std::string& out, const domain::Collection& collection) {
  out += R"({"name":)";
  append_json_string(out, collection.name);
  out += R"(,"slug":)";
  append_json_string(out, collection.slug);
  out += R"(,"description":)";
  append_json_string(out, collection.description);
  out += R"(,"models":[)";
  for (std::size_t i = 0; i < collection.models.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, collection.models[i]);
  }
  out += "]}";
}

/// Needs no key, and so shows what everybody may see.
async::Task<http::Response> search(const Api& api, http::Request& request, const json::UrlContext& urls) {
  const auto query = request.query_param("query");
  if (!query || query->empty()) co_return bad_query("Query parameter \"query\" is required");
  std::size_t limit = kDefaultLimit;
  if (const auto text = request.query_param("limit")) {
    const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (ec != std::errc{} || end != text->data() + text->size() || limit < 1 || limit > kMaxLimit) {
      co_return bad_query("Query parameter \"limit\" must be a number from 1 to 50");
    }
  }
  const auto owned = co_await api.models.visible({});
  if (!owned) co_return error_response(owned.error());
  const auto words = domain::search_words(*query);
  std::string models;
  for (const auto& hit : find_models(model_views(api, {}, *owned), words, limit)) {
    if (!models.empty()) models += ',';
    append_hit(models, hit, urls);
  }
  if (api.remote != nullptr) {
    auto theirs = co_await remote_document(api, urls, "GET", "/search?" + std::string(request.query), {});
    co_return behind_ours(std::move(theirs), "models", models, limit);
  }
  std::string text = R"({"query":)";
  append_json_string(text, *query);
  text.append(R"(,"models":[)").append(models).append(R"(],"collections":[)");
  bool first = true;
  for (const auto& collection : api.catalog.collections()) {
    const domain::SearchField fields[] = {{collection.name, 4}, {collection.slug, 4}, {collection.description, 2}};
    if (domain::search_score(words, fields) == 0) continue;
    if (!std::exchange(first, false)) text += ',';
    append_collection_hit(text, collection);
  }
  text += R"(],"pages":[]})";
  http::Response response;
  response.body = std::move(text);
  co_return response;
}

}  // namespace

std::string search_text(std::string_view body) {
  const auto begin = body.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  body = body.substr(begin, body.find_last_not_of(" \t\r\n") - begin + 1);
  if (body.size() >= 2 && body.front() == '"' && body.back() == '"') {
    const auto value = json::parse(body);
    if (value && value->as_string() != nullptr) return *value->as_string();
  }
  return std::string(body);
}

std::vector<ModelHit> find_models(const std::vector<ModelView>& models, const std::vector<std::string>& words,
                                  std::size_t limit) {
  std::vector<ModelHit> hits;
  for (const auto& model : models) {
    if (const double score = score_of(model, words); score > 0) hits.push_back({model, score});
  }
  std::ranges::sort(hits, [](const ModelHit& a, const ModelHit& b) {
    return a.score != b.score ? a.score > b.score : a.model.full_name() < b.model.full_name();
  });
  if (hits.size() > limit) hits.erase(hits.begin() + static_cast<std::ptrdiff_t>(limit), hits.end());
  return hits;
}

void add_search_routes(http::Router& router, const Api& api) {
  add_open_route(router, api, http::Method::get, "/search", search);
}

}  // namespace hekto::api
