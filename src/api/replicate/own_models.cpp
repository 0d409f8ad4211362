// SPDX-License-Identifier: Apache-2.0
// Creating, changing and deleting models through the API.
#include <algorithm>

#include "api/api.h"
#include "api/problem.h"
#include "api/replicate/model_view.h"
#include "api/replicate/remote.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

using domain::Value;
using Texts = std::vector<std::pair<std::string_view, std::optional<std::string> domain::OwnedModel::*>>;

const Texts& create_texts() {
  static const Texts kTexts = {{"description", &domain::OwnedModel::description},
                               {"github_url", &domain::OwnedModel::github_url},
                               {"paper_url", &domain::OwnedModel::paper_url},
                               {"license_url", &domain::OwnedModel::license_url},
                               {"cover_image_url", &domain::OwnedModel::cover_image_url}};
  return kTexts;
}
const Texts& update_texts() {
  static const Texts kTexts = {
      {"description", &domain::OwnedModel::description}, {"readme", &domain::OwnedModel::readme},
      {"github_url", &domain::OwnedModel::github_url},   {"paper_url", &domain::OwnedModel::paper_url},
      {"weights_url", &domain::OwnedModel::weights_url}, {"license_url", &domain::OwnedModel::license_url}};
  return kTexts;
}

/// The closed schema of a body with `texts` as optional members, and with the required ones of a create.
domain::Schema body_schema(const std::vector<std::string>& known, const Texts& texts, bool create) {
  const Value text = Value::Object{{"type", "string"}};
  Value::Object properties;
  Value::Object schema = {{"type", "object"}, {"additionalProperties", false}};
  if (create) {
    Value::Array skus(known.begin(), known.end());
    properties = {
        {"owner", text},
        {"name",
         Value::Object{
             {"type", "string"}, {"pattern", "^[a-z0-9][a-z0-9._-]*$"}, {"minLength", 1}, {"maxLength", 100}}},
        {"visibility", Value::Object{{"type", "string"}, {"enum", Value::Array{"public", "private"}}}},
        {"hardware", Value::Object{{"type", "string"}, {"enum", std::move(skus)}}}};
    schema.emplace_back("required", Value::Array{"owner", "name", "visibility", "hardware"});
  }
  for (const auto& [name, member] : texts) properties.emplace_back(name, text);
  schema.emplace_back("properties", std::move(properties));
  const Value whole(std::move(schema));
  return *domain::Schema::compile(whole, whole);
}

/// The body, or the refusal to answer with.
async::Task<std::variant<Value, http::Response>> read_body(const Api& api, const Call& call, const Texts& texts,
                                                           bool create) {
  auto body = json::parse(call.request.body);
  if (!body) co_return http::problem(400, "The request body is not valid JSON", "Bad request");
  const auto skus = create ? co_await known_skus(api, call) : std::vector<std::string>();
  if (auto problems = body_schema(skus, texts, create).check(*body, ""); !problems.empty()) {
    co_return validation_failed(problems);
  }
  co_return std::move(*body);
}

/// An empty text takes the value away: clients read what is there as a URL.
void take_texts(const Value& body, const Texts& texts, domain::OwnedModel& model) {
  for (const auto& [name, member] : texts) {
    const Value* value = body.find(name);
    if (value == nullptr || value->as_string() == nullptr) continue;
    model.*member = value->as_string()->empty() ? std::nullopt : std::optional(*value->as_string());
  }
}

async::Task<http::Response> model_answer(const Api& api, unsigned status, const domain::OwnedModel& model,
                                         const Call& call) {
  http::Response response;
  response.status = status;
  std::string text;
  const auto latest = co_await latest_of(api, viewer_of(call), model);
  append_model(text, model, latest.get(), call.urls);
  response.body = std::move(text);
  co_return response;
}

const std::string& account_of(const Call& call) { return call.caller->key().account; }
std::string param(const Call& call, std::size_t index) { return std::string(call.request.params[index]); }

http::Response refused(std::string_view why) { return http::problem(403, why, "Forbidden"); }

http::Response name_taken() {
  return validation_failed({{"unique", "name", "A model with this owner and name already exists"}});
}

/// Whether the upstream has a model of this name, which one of ours would hide. Not when it cannot be asked.
async::Task<bool> is_taken_upstream(const Api& api, const Call& call, const std::string& owner,
                                    const std::string& name) {
  if (!is_remote(api, call) || !api.remote->serves({domain::RelayTarget::Kind::model, owner + "/" + name})) {
    co_return false;
  }
  co_return (co_await api.remote->find(owner, name, {})).has_value();
}

async::Task<http::Response> create_model(const Api& api, Call& call) {
  const auto body = co_await read_body(api, call, create_texts(), true);
  if (const auto* refused = std::get_if<http::Response>(&body)) co_return *refused;
  const auto& value = std::get<Value>(body);
  if (value.text_of("owner") != call.caller->account_name()) {
    co_return error_response({ErrorCode::forbidden, "the owner of a model is the caller's own account"});
  }
  domain::OwnedModel model;
  model.account = account_of(call);
  model.owner = call.caller->account_name();
  model.name = value.text_of("name");
  model.visibility = value.text_of("visibility");
  model.hardware = value.text_of("hardware");
  take_texts(value, create_texts(), model);
  if (co_await is_taken_upstream(api, call, model.owner, model.name)) co_return name_taken();
  const auto created = co_await api.models.create(std::move(model));
  if (!created && created.error().code == ErrorCode::conflict) co_return name_taken();
  if (!created && created.error().code == ErrorCode::too_large) {
    co_return validation_failed({{"array_max_items", "", "An account may have at most 1000 models"}});
  }
  if (!created) co_return error_response(created.error());
  co_return co_await model_answer(api, 201, *created, call);
}

async::Task<http::Response> update_model(const Api& api, Call& call) {
  const auto body = co_await read_body(api, call, update_texts(), false);
  if (const auto* refused = std::get_if<http::Response>(&body)) co_return *refused;
  if (auto refusal = co_await refuse_change(api, call)) co_return std::move(*refusal);
  const auto updated = co_await api.models.update(
      account_of(call), param(call, 0), param(call, 1),
      [&body](domain::OwnedModel& model) { take_texts(std::get<Value>(body), update_texts(), model); });
  if (!updated) co_return error_response(updated.error());
  co_return co_await model_answer(api, 200, *updated, call);
}

async::Task<http::Response> delete_model(const Api& api, Call& call) {
  if (auto refusal = co_await refuse_change(api, call)) co_return std::move(*refusal);
  const auto removed = co_await api.models.remove(account_of(call), param(call, 0), param(call, 1));
  if (!removed && removed.error().code == ErrorCode::conflict) co_return refused(removed.error().message);
  if (!removed) co_return error_response(removed.error());
  http::Response response;
  response.status = 204;
  response.content_type = {};
  co_return response;
}

std::string_view reason(domain::VersionUse use) {
  switch (use) {
    case domain::VersionUse::none:
      break;
    case domain::VersionUse::public_model:
      return "Versions of public models cannot be deleted.";
    case domain::VersionUse::deployed:
      return "This version cannot be deleted: a deployment uses it.";
    case domain::VersionUse::trained_on:
      return "This version cannot be deleted: a training started from it.";
  }
  return {};
}

/// Where version `id` of the model that the path names lies, when it is not here.
async::Task<std::optional<domain::RemoteHome>> home_of(const Api& api, const Call& call, const std::string& id) {
  const auto model = co_await api.models.get(account_of(call), param(call, 0), param(call, 1));
  if (!is_remote(api, call) || !model) co_return std::nullopt;
  const auto versions = co_await api.models.versions(*model);
  if (!versions) co_return std::nullopt;
  const auto found = std::ranges::find(*versions, id, &domain::TrainedVersion::id);
  co_return found == versions->end() ? std::nullopt : found->home;
}

async::Task<http::Response> delete_version(const Api& api, Call& call) {
  if (auto refusal = co_await refuse_change(api, call)) co_return std::move(*refusal);
  auto home = co_await home_of(api, call, param(call, 2));
  const auto use = co_await api.models.remove_version(account_of(call), param(call, 0), param(call, 1), param(call, 2));
  if (!use) co_return error_response(use.error());
  if (*use != domain::VersionUse::none) co_return refused(reason(*use));
  if (home) co_await api.remote->remove_at(std::move(*home), param(call, 2));
  http::Response response;
  response.status = 202;
  response.content_type = {};
  co_return response;
}

}  // namespace

void add_own_model_routes(http::Router& router, const Api& api) {
  using service::RateClass;
  const std::string one = "/models/{owner}/{name}";
  add_route(router, api, http::Method::post, "/models", RateClass::other, create_model);
  add_route(router, api, http::Method::patch, one, RateClass::other, update_model);
  add_route(router, api, http::Method::del, one, RateClass::other, delete_model);
  add_route(router, api, http::Method::del, one + "/versions/{id}", RateClass::other, delete_version);
}

}  // namespace hekto::api
