// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "api/problem.h"
#include "api/replicate/account_json.h"
#include "api/replicate/create.h"
#include "api/replicate/lists.h"
#include "api/replicate/page.h"
#include "api/replicate/remote.h"
#include "base/json_text.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

using domain::Value;

constexpr std::size_t kPageSize = 100;

/// The closed schema of a create or, with nothing required, of an update.
domain::Schema body_schema(const std::vector<std::string>& known, bool create) {
  Value::Array skus(known.begin(), known.end());
  const Value text = Value::Object{{"type", "string"}};
  const auto count = [](int maximum) {
    return Value(Value::Object{{"type", "integer"}, {"minimum", 0}, {"maximum", maximum}});
  };
  Value::Object properties = {{"model", text},
                              {"version", text},
                              {"hardware", Value::Object{{"type", "string"}, {"enum", std::move(skus)}}},
                              {"min_instances", count(5)},
                              {"max_instances", count(20)}};
  Value::Object schema = {{"type", "object"}, {"additionalProperties", false}};
  if (create) {
    properties.emplace_back(
        "name",
        Value::Object{{"type", "string"}, {"pattern", "^[a-z0-9][a-z0-9._-]*$"}, {"minLength", 1}, {"maxLength", 100}});
    schema.emplace_back("required",
                        Value::Array{"name", "model", "version", "hardware", "min_instances", "max_instances"});
  }
  schema.emplace_back("properties", std::move(properties));
  const Value whole(std::move(schema));
  return *domain::Schema::compile(whole, whole);
}

void take_count(const Value& body, std::string_view name, int& into) {
  // Within the schema's bounds already; a whole number may be written as 1.0.
  if (const Value* value = body.find(name); value != nullptr && value->is_number())
    into = static_cast<int>(value->number());
}

/// Puts what `body` has into `release`, and the version that it names.
void take_release(const Value& body, const std::optional<Result<domain::Offer>>& named, domain::Release& release) {
  if (const auto model = body.text_of("model"); !model.empty() && model != release.model) {
    release.model = model;
    // Without a version a changed model means its newest.
    if (named && *named) release.version = (*named)->version->id;
  }
  if (const auto version = body.text_of("version"); !version.empty()) release.version = version;
  if (const auto hardware = body.text_of("hardware"); !hardware.empty()) release.hardware = hardware;
  take_count(body, "min_instances", release.min_instances);
  take_count(body, "max_instances", release.max_instances);
}

http::Response unknown_version() {
  return http::problem(422, "The specified version does not exist (or perhaps you don't have permission to use it?)",
                       "Invalid version or not permitted");
}

/// What a body names to be run: a version, or the newest one of a model. Found out before the release is made, which
/// must not wait. `current`: the model that a version without one is of. nullopt: it names neither.
async::Task<std::optional<Result<domain::Offer>>> named_offer(const Api& api, const Call& call, const Value& body,
                                                              std::string current) {
  const auto viewer = viewer_of(call);
  const auto version = body.text_of("version");
  if (version.find('/') != std::string_view::npos) {
    co_return fail(ErrorCode::not_found, "a version is named by its id alone");
  }
  auto model = std::string(body.text_of("model"));
  if (model.empty() && version.empty()) co_return std::nullopt;
  if (model.empty()) model = std::move(current);
  if (model.find('/') == std::string::npos || model.find(':') != std::string::npos) {
    co_return fail(ErrorCode::not_found, "a model is named by owner and name");
  }
  if (!version.empty()) model.append(":").append(version);
  co_return co_await api.versions.resolve(viewer, model, true);
}

/// Why the release cannot be, if so; what a schema alone cannot say.
std::optional<http::Response> refusal(const std::optional<Result<domain::Offer>>& named,
                                      const domain::Release& release) {
  if (named && !*named && named->error().code != ErrorCode::not_found) return error_response(named->error());
  if (named && (!*named || (*named)->model->full_name() != release.model || release.version.empty())) {
    return unknown_version();
  }
  if (release.min_instances > release.max_instances) {
    return validation_failed(
        {{"number_lte", "min_instances", "Must be less than or equal to " + std::to_string(release.max_instances)}});
  }
  return std::nullopt;
}

/// The body, or the refusal to answer with.
async::Task<std::variant<Value, http::Response>> read_body(const Api& api, const Call& call, bool create) {
  auto body = json::parse(call.request.body);
  if (!body) co_return http::problem(400, "The request body is not valid JSON", "Bad request");
  const auto skus = co_await known_skus(api, call);
  if (auto problems = body_schema(skus, create).check(*body, ""); !problems.empty()) {
    co_return validation_failed(problems);
  }
  co_return std::move(*body);
}

/// `owner` is the account's name.
void append_deployment(std::string& out, const domain::Deployment& deployment, std::string_view owner) {
  const auto& release = deployment.release;
  const auto text = [&out](std::string_view before, std::string_view value) {
    out += before;
    append_json_string(out, value);
  };
  const auto instances = R"("min_instances":)" + std::to_string(release.min_instances) + R"(,"max_instances":)" +
                         std::to_string(release.max_instances);
  text(R"({"owner":)", owner);
  text(R"(,"name":)", deployment.name);
  out += R"(,"current_release":{"number":)" + std::to_string(release.number);
  text(R"(,"model":)", release.model);
  text(R"(,"version":)", release.version);
  text(R"(,"created_at":)", format_time(release.created_at));
  out += R"(,"created_by":)";
  append_account(out, owner);
  text(R"(,"configuration":{"hardware":)", release.hardware);
  // One client reads the numbers where the official service does not have them.
  out.append(",").append(instances).append(R"(,"scaling":{)").append(instances).append("}}}}");
}

http::Response deployment_answer(const domain::Deployment& deployment, const Call& call) {
  http::Response response;
  std::string text;
  append_deployment(text, deployment, call.caller->account_name());
  response.body = std::move(text);
  return response;
}

/// Whether the path names the caller's own account: another's deployments look like unknown ones.
bool is_own(const Call& call) { return call.request.params[0] == call.caller->account_name(); }
std::string name_of(const Call& call) { return std::string(call.request.params[1]); }
const std::string& account_of(const Call& call) { return call.caller->key().account; }

async::Task<http::Response> create_deployment(const Api& api, Call& call) {
  const auto body = co_await read_body(api, call, true);
  if (const auto* refused = std::get_if<http::Response>(&body)) co_return *refused;
  const auto& value = std::get<Value>(body);
  domain::Release release;
  const auto named = co_await named_offer(api, call, value, {});
  take_release(value, named, release);
  if (auto refused = refusal(named, release)) co_return std::move(*refused);
  const auto created =
      co_await api.deployments.create(account_of(call), std::string(value.text_of("name")), std::move(release));
  if (!created && created.error().code == ErrorCode::conflict) {
    co_return validation_failed({{"unique", "name", "A deployment with this name already exists"}});
  }
  if (!created) co_return error_response(created.error());
  co_return deployment_answer(*created, call);
}

async::Task<http::Response> get_deployment(const Api& api, Call& call) {
  if (!is_own(call)) co_return not_found();
  const auto found = co_await api.deployments.get(account_of(call), name_of(call));
  if (!found) co_return error_response(found.error());
  co_return deployment_answer(*found, call);
}

async::Task<http::Response> update_deployment(const Api& api, Call& call) {
  if (!is_own(call)) co_return not_found();
  const auto body = co_await read_body(api, call, false);
  if (const auto* refused = std::get_if<http::Response>(&body)) co_return *refused;
  const auto before = co_await api.deployments.get(account_of(call), name_of(call));
  if (!before) co_return error_response(before.error());
  const auto named = co_await named_offer(api, call, std::get<Value>(body), before->release.model);
  std::optional<http::Response> refused;
  const auto updated =
      co_await api.deployments.update(account_of(call), name_of(call), [&](domain::Release& release) -> Result<void> {
        take_release(std::get<Value>(body), named, release);
        refused = refusal(named, release);
        if (refused) return fail(ErrorCode::invalid_input, "refused");
        return {};
      });
  if (refused) co_return std::move(*refused);
  if (!updated) co_return error_response(updated.error());
  co_return deployment_answer(*updated, call);
}

async::Task<http::Response> delete_deployment(const Api& api, Call& call) {
  if (!is_own(call)) co_return not_found();
  const auto removed = co_await api.deployments.remove(account_of(call), name_of(call));
  if (!removed) co_return error_response(removed.error());
  http::Response response;
  response.status = 204;
  response.content_type = {};
  co_return response;
}

/// Deployments of the upstream's account are run by their name there.
async::Task<http::Response> create_by_remote_deployment(const Api& api, Call& call) {
  domain::RelayTarget target{domain::RelayTarget::Kind::deployment,
                             std::string(call.request.params[0]) + "/" + name_of(call)};
  if (!is_remote(api, call) || !api.remote->serves(target)) co_return not_found();
  co_return co_await create_prediction(api, call, {api.remote->known({}, {}, {}), name_of(call), std::move(target)});
}

async::Task<http::Response> create_by_deployment(const Api& api, Call& call) {
  if (!is_own(call)) co_return co_await create_by_remote_deployment(api, call);
  auto found = co_await api.deployments.get(account_of(call), name_of(call));
  if (!found && found.error().code == ErrorCode::not_found) co_return co_await create_by_remote_deployment(api, call);
  if (!found) co_return error_response(found.error());
  auto offer = co_await api.versions.resolve(viewer_of(call), found->release.model + ":" + found->release.version);
  if (!offer && offer.error().code != ErrorCode::not_found) co_return error_response(offer.error());
  // The catalog may have changed since the release was made.
  if (!offer || offer->model->full_name() != found->release.model) co_return unknown_version();
  CreateTarget target{std::move(*offer), std::move(found->name), {}};
  if (target.offer.relayed) {
    target.relay =
        relay_target(target.offer, domain::target_of_version(found->release.model + ":" + found->release.version));
  }
  co_return co_await create_prediction(api, call, std::move(target));
}

}  // namespace

async::Task<http::Response> list_deployments(const Api& api, Call& call) {
  const auto from = read_page_request(call.request);
  if (!from) co_return error_response(from.error());
  const auto page = co_await api.deployments.list(page_query(account_of(call), *from, kPageSize));
  if (!page) co_return error_response(page.error());
  std::string results;
  for (const auto& deployment : page->items) {
    if (!results.empty()) results += ',';
    append_deployment(results, deployment, call.caller->account_name());
  }
  std::optional<ports::Position> first;
  std::optional<ports::Position> last;
  if (!page->items.empty()) {
    first = {page->items.front().created_at, page->items.front().name};
    last = {page->items.back().created_at, page->items.back().name};
  }
  http::Response response;
  response.body = page_json(call.urls, "/deployments", *from, first, last, page->more, results);
  co_return response;
}

void add_deployment_routes(http::Router& router, const Api& api) {
  using service::RateClass;
  const std::string one = "/deployments/{owner}/{name}";
  add_route(router, api, http::Method::get, "/deployments", RateClass::other, list_deployments);
  add_route(router, api, http::Method::post, "/deployments", RateClass::other, create_deployment);
  add_route(router, api, http::Method::get, one, RateClass::other, get_deployment);
  add_route(router, api, http::Method::patch, one, RateClass::other, update_deployment);
  add_route(router, api, http::Method::del, one, RateClass::other, delete_deployment);
  add_route(router, api, http::Method::post, one + "/predictions", RateClass::create, create_by_deployment,
            {.max_body = api.options.max_json_body});
}

}  // namespace hekto::api
