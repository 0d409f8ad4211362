// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/create_body.h"

#include <algorithm>

#include "api/problem.h"
#include "api/replicate/remote.h"
#include "domain/http_url.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

using domain::Value;

constexpr std::string_view kWebhookForm = "Must be an http or https URL of at most 4096 bytes without a user name";

using Read = std::variant<service::CreatePrediction, http::Response>;

/// What the bodies of predictions and trainings have in common. webhook_completed and webhook_event_filter are
/// spellings that old clients still send.
Value::Object common_properties() {
  const Value uri = Value::Object{{"type", "string"}, {"format", "uri"}};
  const Value events = Value::Object{
      {"type", "array"},
      {"items", Value::Object{{"type", "string"}, {"enum", Value::Array{"start", "output", "logs", "completed"}}}}};
  return {{"input", Value::Object{{"type", "object"}}},
          {"webhook", uri},
          {"webhook_completed", uri},
          {"webhook_events_filter", events},
          {"webhook_event_filter", events}};
}

domain::Schema compiled(Value::Array required, Value::Object properties, bool closed) {
  Value::Object schema = {{"type", "object"}, {"required", std::move(required)}};
  if (closed) schema.emplace_back("additionalProperties", false);
  schema.emplace_back("properties", std::move(properties));
  const Value whole(std::move(schema));
  return *domain::Schema::compile(whole, whole);
}

/// The closed schema of a create body (the reference's PredictionRequest). `version` belongs to POST /predictions only.
domain::Schema body_schema(bool with_version) {
  auto properties = common_properties();
  properties.insert(properties.begin() + 1, {"stream", Value::Object{{"type", "boolean"}}});
  if (!with_version) return compiled({"input"}, std::move(properties), true);
  properties.emplace_back("version", Value::Object{{"type", "string"}});
  return compiled({"version", "input"}, std::move(properties), true);
}

/// The reference's body of a training is not closed.
domain::Schema training_schema() {
  auto properties = common_properties();
  properties.insert(properties.begin(), {"destination", Value::Object{{"type", "string"}}});
  return compiled({"destination", "input"}, std::move(properties), false);
}

http::Response not_json() { return http::problem(400, "The request body is not valid JSON", "Bad request"); }

http::Response unknown_version() {
  return http::problem(422, "The specified version does not exist (or perhaps you don't have permission to use it?)",
                       "Invalid version or not permitted");
}

/// The webhook that a body asks for, in the spelling of now or of old; nullopt when it asks for none. What its URL must
/// be beyond the schema's "uri" goes into `problems`.
std::optional<domain::Webhook> read_webhook(const Value& body, std::vector<domain::FieldProblem>& problems) {
  for (const std::string_view name : {"webhook", "webhook_completed"}) {
    const Value* url = body.find(name);
    if (url == nullptr || url->as_string() == nullptr) continue;
    if (!domain::parse_http_url(*url->as_string())) {
      const bool told = std::ranges::find(problems, name, &domain::FieldProblem::field) != problems.end();
      if (!told) problems.push_back({"format", std::string(name), std::string(kWebhookForm)});
      return std::nullopt;
    }
    domain::Webhook webhook{*url->as_string(), {}, {}, {}};
    if (name == "webhook_completed") {
      webhook.filter = {domain::WebhookEvent::completed};
      return webhook;
    }
    for (const std::string_view list_name : {"webhook_events_filter", "webhook_event_filter"}) {
      const Value* list = body.find(list_name);
      if (list == nullptr || list->as_array() == nullptr) continue;
      for (const auto& item : *list->as_array()) {
        const auto event = item.as_string() != nullptr ? domain::parse_webhook_event(*item.as_string()) : std::nullopt;
        if (event && std::ranges::find(webhook.filter, *event) == webhook.filter.end()) {
          webhook.filter.push_back(*event);
        }
      }
      break;
    }
    return webhook;
  }
  return std::nullopt;
}

/// Adds the problems of the input to those of the body, and reads what both kinds of body have.
Read finish(Value body, const domain::Schema* input_schema, std::vector<domain::FieldProblem> problems,
            service::CreatePrediction create) {
  const Value* input = body.find("input");
  std::vector<domain::FieldProblem> of_input;
  if (input_schema != nullptr && input != nullptr && input->as_object() != nullptr) {
    of_input = input_schema->check(*input, "input");
  }
  const auto before = problems.size();
  create.webhook = read_webhook(body, problems);
  if (!problems.empty() || (!create.offer.relayed && !of_input.empty())) {
    problems.insert(problems.begin() + static_cast<std::ptrdiff_t>(before), std::make_move_iterator(of_input.begin()),
                    std::make_move_iterator(of_input.end()));
    return validation_failed(problems);
  }
  if (!of_input.empty()) {
    // An upstream speaks for itself when it is asked while the client waits.
    auto refusal = validation_failed(of_input);
    create.invalid_input =
        ports::Refusal{static_cast<int>(refusal.status), std::move(std::get<std::string>(refusal.body))};
  }
  for (auto& [name, value] : *body.as_object()) {
    if (name == "input") create.input = std::move(value);
  }
  return create;
}

bool is_sound(const Value& body, std::vector<domain::FieldProblem> problems) {
  (void)read_webhook(body, problems);
  return problems.empty();
}

/// What a refusal of ours has to be preceded by when the create would be relayed: whether there is such a thing at all,
/// and what its input is like. Only for creates that are refused, since it may ask the upstream.
async::Task<Result<domain::Offer>> certain_offer(const Api& api, const Call& call, domain::Offer offer,
                                                 const std::optional<domain::RelayTarget>& relay) {
  using Kind = domain::RelayTarget::Kind;
  if (!offer.relayed || !relay || relay->kind == Kind::deployment || relay->kind == Kind::trained) co_return offer;
  co_return co_await api.versions.resolve(viewer_of(call), relay->name, true);
}

}  // namespace

http::Response untrainable() { return http::problem(404, "The specified version cannot be trained"); }

http::Response unknown_destination() { return http::problem(404, "The specified training destination does not exist"); }

async::Task<Read> read_create_body(const Api& api, const Call& call, domain::Offer offer,
                                   std::optional<domain::RelayTarget> relay) {
  static const domain::Schema kWithVersion = body_schema(true);
  static const domain::Schema kWithoutVersion = body_schema(false);

  const bool named_by_path = static_cast<bool>(offer);
  const auto missing = [named_by_path](const Error& error) {
    return error.code == ErrorCode::not_found && !named_by_path ? unknown_version() : error_response(error);
  };
  auto body = json::parse(call.request.body);
  if (!body) {
    if (const auto certain = co_await certain_offer(api, call, offer, relay); !certain) {
      co_return missing(certain.error());
    }
    co_return not_json();
  }
  const auto& schema = offer ? kWithoutVersion : kWithVersion;
  if (!offer) {
    const Value* version = body->find("version");
    if (version != nullptr && version->as_string() != nullptr) {
      auto named = co_await api.versions.resolve(viewer_of(call), *version->as_string());
      if (!named) co_return missing(named.error());
      offer = std::move(*named);
      if (offer.relayed) relay = relay_target(offer, domain::target_of_version(*version->as_string()));
    }
  }
  auto problems = schema.check(*body, "");
  if (!is_sound(*body, problems)) {
    auto certain = co_await certain_offer(api, call, std::move(offer), relay);
    if (!certain) co_return missing(certain.error());
    offer = std::move(*certain);
  }
  const auto* input = offer ? &offer.version->input : nullptr;
  service::CreatePrediction create;
  create.offer = std::move(offer);
  create.relay = std::move(relay);
  co_return finish(std::move(*body), input, std::move(problems), std::move(create));
}

async::Task<Read> read_training_body(const Api& api, const Call& call, domain::Offer offer) {
  static const domain::Schema kSchema = training_schema();

  service::CreatePrediction create;
  const auto& params = call.request.params;
  if (offer.relayed) {
    create.relay =
        domain::RelayTarget{domain::RelayTarget::Kind::training,
                            std::string(params[0]) + "/" + std::string(params[1]) + ":" + std::string(params[2])};
  }
  // Before anything else is refused here: whether there is such a version at all, and whether it can be trained.
  const auto refuse = [&](http::Response refusal) -> async::Task<Read> {
    const auto certain = co_await certain_offer(api, call, offer, create.relay);
    if (!certain) co_return error_response(certain.error());
    if (!certain->version->training) co_return untrainable();
    co_return refusal;
  };
  auto body = json::parse(call.request.body);
  if (!body) co_return co_await refuse(not_json());
  const Value* destination = body->find("destination");
  if (destination != nullptr && destination->as_string() != nullptr) {
    create.destination = *destination->as_string();
    const auto slash = create.destination.find('/');
    if (slash == std::string::npos) co_return co_await refuse(unknown_destination());
    const auto& account = call.caller->key().account;
    const auto model =
        co_await api.models.get(account, create.destination.substr(0, slash), create.destination.substr(slash + 1));
    if (!model && model.error().code != ErrorCode::not_found) co_return error_response(model.error());
    const bool own = model && model->account == account;
    // What is no model here may be one at the upstream, which says whether it is.
    const bool upstreams =
        !model && offer.relayed && api.remote->serves({domain::RelayTarget::Kind::model, create.destination});
    if (!own && !upstreams) co_return co_await refuse(unknown_destination());
    if (upstreams) offer.base = {};
  }
  auto problems = kSchema.check(*body, "");
  if (!is_sound(*body, problems)) {
    const auto base = offer.base;
    auto certain = co_await certain_offer(api, call, std::move(offer), create.relay);
    if (!certain) co_return error_response(certain.error());
    if (!certain->version->training) co_return untrainable();
    offer = std::move(*certain);
    if (base.empty()) offer.base = {};
  }
  const auto* input = &*offer.version->training;
  create.offer = std::move(offer);
  co_return finish(std::move(*body), input, std::move(problems), std::move(create));
}

}  // namespace hekto::api
