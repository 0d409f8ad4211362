// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/create_body.h"

#include <algorithm>

#include "api/problem.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

using domain::Value;

constexpr std::string_view kWebhookForm = "Must be an http or https URL of at most 4096 bytes without a user name";

/// The closed schema of a create body (the reference's PredictionRequest). `version` belongs to POST /predictions only.
/// webhook_completed and webhook_event_filter are spellings that old clients still send.
domain::Schema body_schema(bool with_version) {
  const Value text = Value::Object{{"type", "string"}};
  const Value uri = Value::Object{{"type", "string"}, {"format", "uri"}};
  const Value events = Value::Object{
      {"type", "array"},
      {"items", Value::Object{{"type", "string"}, {"enum", Value::Array{"start", "output", "logs", "completed"}}}}};
  Value::Object properties = {{"input", Value::Object{{"type", "object"}}},
                              {"stream", Value::Object{{"type", "boolean"}}},
                              {"webhook", uri},
                              {"webhook_completed", uri},
                              {"webhook_events_filter", events},
                              {"webhook_event_filter", events}};
  Value::Array required = {"input"};
  if (with_version) {
    properties.emplace_back("version", text);
    required = {"version", "input"};
  }
  const Value schema = Value::Object{{"type", "object"},
                                     {"required", std::move(required)},
                                     {"additionalProperties", false},
                                     {"properties", std::move(properties)}};
  return *domain::Schema::compile(schema, schema);
}

http::Response unknown_version() {
  return http::problem(422, "The specified version does not exist (or perhaps you don't have permission to use it?)",
                       "Invalid version or not permitted");
}

/// "owner/name:<64 hex>", "owner/name" (its latest version) or "<64 hex>".
std::pair<const domain::Model*, const domain::Version*> resolve(const domain::Catalog& catalog, std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return catalog.find_version(text);
  const auto colon = text.find(':', slash);
  const auto* model = catalog.find(text.substr(0, slash), text.substr(slash + 1, colon - slash - 1));
  if (model == nullptr) return {nullptr, nullptr};
  if (colon == std::string_view::npos) return {model, &model->latest()};
  for (const auto& version : model->versions) {
    if (version.id == text.substr(colon + 1)) return {model, &version};
  }
  return {nullptr, nullptr};
}

/// The webhook that a body asks for, in the spelling of now or of old; nullopt when it asks for none. What its URL must
/// be beyond the schema's "uri" goes into `problems`.
std::optional<domain::Webhook> read_webhook(const Value& body, std::vector<domain::FieldProblem>& problems) {
  for (const std::string_view name : {"webhook", "webhook_completed"}) {
    const Value* url = body.find(name);
    if (url == nullptr || url->as_string() == nullptr) continue;
    if (!domain::parse_webhook_url(*url->as_string())) {
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

}  // namespace

std::variant<service::CreatePrediction, http::Response> read_create_body(const domain::Catalog& catalog,
                                                                         const domain::Model* model,
                                                                         std::string_view body,
                                                                         const domain::Version* version_in_path) {
  static const domain::Schema kWithVersion = body_schema(true);
  static const domain::Schema kWithoutVersion = body_schema(false);

  auto parsed = json::parse(body);
  if (!parsed) return http::problem(400, "The request body is not valid JSON", "Bad request");

  service::CreatePrediction create;
  create.model = model;
  create.version = version_in_path;
  if (model != nullptr && version_in_path == nullptr) create.version = &model->latest();
  if (model == nullptr) {
    const Value* version = parsed->find("version");
    if (version != nullptr && version->as_string() != nullptr) {
      std::tie(create.model, create.version) = resolve(catalog, *version->as_string());
      if (create.version == nullptr) return unknown_version();
    }
  }

  auto problems = (model == nullptr ? kWithVersion : kWithoutVersion).check(*parsed, "");
  const Value* input = parsed->find("input");
  if (create.version != nullptr && input != nullptr && input->as_object() != nullptr) {
    auto more = create.version->input.check(*input, "input");
    problems.insert(problems.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  create.webhook = read_webhook(*parsed, problems);
  if (!problems.empty()) return validation_failed(problems);

  for (auto& [name, value] : *parsed->as_object()) {
    if (name == "input") create.input = std::move(value);
  }
  return create;
}

}  // namespace hekto::api
