// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"
#include "api/problem.h"
#include "base/json_text.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

void append_text_or_null(std::string& out, std::string_view name, const std::optional<std::string>& text) {
  out.append(",\"").append(name).append("\":");
  if (text) {
    append_json_string(out, *text);
  } else {
    out += "null";
  }
}

void append_version(std::string& out, const domain::Version& version) {
  out += R"({"id":)";
  append_json_string(out, version.id);
  out += R"(,"created_at":")";
  append_time(out, version.created_at);
  out += R"(","cog_version":)";
  append_json_string(out, version.cog_version);
  out += R"(,"openapi_schema":)";
  json::append(out, version.openapi_schema);
  out += '}';
}

void append_model(std::string& out, const domain::Model& model, const json::UrlContext& urls) {
  out += R"({"url":")";
  out.append(urls.origin).append(urls.mount).append("/models/").append(model.full_name());
  out += R"(","owner":)";
  append_json_string(out, model.owner);
  out += R"(,"name":)";
  append_json_string(out, model.name);
  out += R"(,"description":)";
  append_json_string(out, model.description);
  out += R"(,"visibility":)";
  append_json_string(out, model.visibility);
  out += model.official ? R"(,"is_official":true)" : R"(,"is_official":false)";
  append_text_or_null(out, "github_url", model.github_url);
  append_text_or_null(out, "paper_url", model.paper_url);
  append_text_or_null(out, "license_url", model.license_url);
  append_text_or_null(out, "cover_image_url", model.cover_image_url);
  out += R"(,"run_count":)" + std::to_string(model.run_count);
  out += R"(,"created_at":")";
  append_time(out, model.created_at);
  out += R"(","default_example":null,"latest_version":)";
  append_version(out, model.latest());
  out += '}';
}

http::Response json_response(std::string text) {
  http::Response response;
  response.body = std::move(text);
  return response;
}

async::Task<http::Response> list_models(const Api& api, Call& call) {
  std::string text = R"({"next":null,"previous":null,"results":[)";
  bool first = true;
  for (const auto& [name, model] : api.catalog.models()) {
    if (!first) text += ',';
    first = false;
    append_model(text, model, call.urls);
  }
  text += "]}";
  co_return json_response(std::move(text));
}

async::Task<http::Response> get_model(const Api& api, Call& call) {
  const auto* model = api.catalog.find(call.request.params[0], call.request.params[1]);
  if (model == nullptr) co_return not_found();
  std::string text;
  append_model(text, *model, call.urls);
  co_return json_response(std::move(text));
}

async::Task<http::Response> list_versions(const Api& api, Call& call) {
  const auto* model = api.catalog.find(call.request.params[0], call.request.params[1]);
  if (model == nullptr) co_return not_found();
  std::string text = R"({"next":null,"previous":null,"results":[)";
  for (std::size_t i = 0; i < model->versions.size(); ++i) {
    if (i > 0) text += ',';
    append_version(text, model->versions[i]);
  }
  text += "]}";
  co_return json_response(std::move(text));
}

async::Task<http::Response> get_version(const Api& api, Call& call) {
  const auto* model = api.catalog.find(call.request.params[0], call.request.params[1]);
  if (model == nullptr) co_return not_found();
  for (const auto& version : model->versions) {
    if (version.id != call.request.params[2]) continue;
    std::string text;
    append_version(text, version);
    co_return json_response(std::move(text));
  }
  co_return not_found();
}

}  // namespace

void add_model_routes(http::Router& router, const Api& api) {
  using service::RateClass;
  add_route(router, api, http::Method::get, "/models", RateClass::other, list_models);
  add_route(router, api, http::Method::get, "/models/{owner}/{name}", RateClass::other, get_model);
  add_route(router, api, http::Method::get, "/models/{owner}/{name}/versions", RateClass::other, list_versions);
  add_route(router, api, http::Method::get, "/models/{owner}/{name}/versions/{id}", RateClass::other, get_version);
}

}  // namespace hekto::api
