// SPDX-License-Identifier: Apache-2.0
#include "service/catalog_openapi.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "domain/openapi.h"
#include "json/value_json.h"

namespace hekto::service {
namespace {

using domain::OutputKind;
using domain::Value;

// The part of the document that is the same for every model: Cog's routes and the schemas they use.
constexpr std::string_view kPaths = R"json({
  "/": {"get": {"summary": "Root", "operationId": "root__get",
    "responses": {"200": {"description": "Successful Response",
      "content": {"application/json": {"schema": {"title": "Response Root  Get"}}}}}}},
  "/health-check": {"get": {"summary": "Healthcheck", "operationId": "healthcheck_health_check_get",
    "responses": {"200": {"description": "Successful Response",
      "content": {"application/json": {"schema": {"title": "Response Healthcheck Health Check Get"}}}}}}},
  "/predictions": {"post": {"summary": "Predict", "operationId": "predict_predictions_post",
    "description": "Run a single prediction on the model",
    "parameters": [{"in": "header", "name": "prefer", "required": false,
                    "schema": {"type": "string", "title": "Prefer"}}],
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/PredictionRequest"}}}},
    "responses": {
      "200": {"description": "Successful Response",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PredictionResponse"}}}},
      "422": {"description": "Validation Error",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/HTTPValidationError"}}}}}}},
  "/predictions/{prediction_id}/cancel": {"post": {"summary": "Cancel",
    "operationId": "cancel_predictions__prediction_id__cancel_post", "description": "Cancel a running prediction",
    "parameters": [{"in": "path", "name": "prediction_id", "required": true,
                    "schema": {"type": "string", "title": "Prediction ID"}}],
    "responses": {
      "200": {"description": "Successful Response",
        "content": {"application/json": {"schema": {"title": "Response Cancel Predictions  Prediction Id  Cancel Post"}}}},
      "422": {"description": "Validation Error",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/HTTPValidationError"}}}}}}}
})json";

constexpr std::string_view kSchemas = R"json({
  "Status": {"type": "string", "title": "Status", "description": "An enumeration.",
    "enum": ["starting", "processing", "succeeded", "canceled", "failed"]},
  "WebhookEvent": {"type": "string", "title": "WebhookEvent", "description": "An enumeration.",
    "enum": ["start", "output", "logs", "completed"]},
  "PredictionRequest": {"type": "object", "title": "PredictionRequest", "properties": {
    "id": {"type": "string", "title": "Id"},
    "input": {"$ref": "#/components/schemas/Input"},
    "webhook": {"type": "string", "title": "Webhook", "format": "uri", "minLength": 1, "maxLength": 65536},
    "created_at": {"type": "string", "title": "Created At", "format": "date-time"},
    "output_file_prefix": {"type": "string", "title": "Output File Prefix"},
    "webhook_events_filter": {"type": "array", "items": {"$ref": "#/components/schemas/WebhookEvent"},
      "default": ["start", "output", "logs", "completed"]}}},
  "PredictionResponse": {"type": "object", "title": "PredictionResponse", "properties": {
    "id": {"type": "string", "title": "Id"},
    "logs": {"type": "string", "title": "Logs", "default": ""},
    "error": {"type": "string", "title": "Error"},
    "input": {"$ref": "#/components/schemas/Input"},
    "output": {"$ref": "#/components/schemas/Output"},
    "status": {"$ref": "#/components/schemas/Status"},
    "metrics": {"type": "object", "title": "Metrics"},
    "version": {"type": "string", "title": "Version"},
    "created_at": {"type": "string", "title": "Created At", "format": "date-time"},
    "started_at": {"type": "string", "title": "Started At", "format": "date-time"},
    "completed_at": {"type": "string", "title": "Completed At", "format": "date-time"}}},
  "ValidationError": {"type": "object", "title": "ValidationError", "required": ["loc", "msg", "type"], "properties": {
    "loc": {"type": "array", "title": "Location", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
    "msg": {"type": "string", "title": "Message"},
    "type": {"type": "string", "title": "Error Type"}}},
  "HTTPValidationError": {"type": "object", "title": "HTTPValidationError", "properties": {
    "detail": {"type": "array", "title": "Detail", "items": {"$ref": "#/components/schemas/ValidationError"}}}}
})json";

constexpr std::string_view kTrainingOutput = R"json({"type": "object", "title": "TrainingOutput",
  "required": ["weights"], "properties": {"weights": {"type": "string", "title": "Weights", "format": "uri"}}})json";

/// Read once: a start makes a document for each model.
const Value& fixed_paths() {
  static const Value paths = json::parse(kPaths).value();
  return paths;
}
const Value& fixed_schemas() {
  static const Value schemas = json::parse(kSchemas).value();
  return schemas;
}

/// "num_outputs" -> "Num Outputs"; a letter is upper-case when no letter stands before it.
std::string title_of(std::string_view name) {
  const auto is_letter = [](char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; };
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char lower = ascii_lower(name[i]);
    const bool first = i == 0 || !is_letter(name[i - 1]);
    if (name[i] == '_') {
      out += ' ';
    } else {
      out += first && is_letter(lower) ? static_cast<char>(lower - 'a' + 'A') : lower;
    }
  }
  return out;
}

Value inputs_schema(std::string_view title, Value::Array required, Value::Object properties) {
  Value::Object schema{{"type", "object"}, {"title", title}};
  if (!required.empty()) schema.emplace_back("required", std::move(required));
  schema.emplace_back("properties", std::move(properties));
  return schema;
}

void copy_member(Value::Object& to, const Value& from, std::string_view name) {
  if (const Value* value = from.find(name)) to.emplace_back(name, *value);
}

}  // namespace

bool OpenApiBuilder::add(Value::Object& properties, const std::string& name, const Value& form) {
  Value::Object property;
  const Value* choices = form.find("enum");
  if (choices != nullptr) {
    constexpr std::array<std::string_view, 4> taken{"Input", "Output", "TrainingInput", "TrainingOutput"};
    if (std::ranges::find(taken, name) != taken.end() || fixed_schemas().find(name) != nullptr) return false;
    Value::Object schema{{"enum", *choices}};
    copy_member(schema, form, "type");
    schema.emplace_back("title", name);
    schema.emplace_back("description", "An enumeration.");
    const auto same = std::ranges::find(enums_, name, &Value::Member::first);
    if (same != enums_.end() && same->second != Value(schema)) return false;
    if (same == enums_.end()) enums_.emplace_back(name, std::move(schema));
    const Value reference = Value::Object{{"$ref", "#/components/schemas/" + name}};
    property.emplace_back("allOf", Value::Array{reference});
  } else {
    copy_member(property, form, "type");
    property.emplace_back("title", form.text_of("title", title_of(name)));
  }
  constexpr std::array<std::string_view, 4> placed{"type", "title", "enum", "description"};
  for (const auto& [key, value] : *form.as_object()) {
    if (std::ranges::find(placed, key) == placed.end()) property.emplace_back(key, value);
  }
  if (form.text_of("format") == "password") {
    property.emplace_back("writeOnly", true);
    property.emplace_back("x-cog-secret", true);
  }
  property.emplace_back("x-order", static_cast<std::int64_t>(properties.size()));
  copy_member(property, form, "description");
  properties.emplace_back(name, std::move(property));
  return true;
}

Value OpenApiBuilder::build(Value::Array required, Value::Array required_to_train, Value output) && {
  Value::Object schemas{{"Input", inputs_schema("Input", std::move(required), std::move(inputs_))},
                        {"Output", std::move(output)}};
  if (!training_.empty()) {
    schemas.emplace_back("TrainingInput",
                         inputs_schema("TrainingInput", std::move(required_to_train), std::move(training_)));
    schemas.emplace_back("TrainingOutput", json::parse(kTrainingOutput).value());
  }
  std::ranges::move(enums_, std::back_inserter(schemas));
  std::ranges::copy(*fixed_schemas().as_object(), std::back_inserter(schemas));
  return Value::Object{{"openapi", "3.0.2"},
                       {"info", Value::Object{{"title", "Cog"}, {"version", "0.1.0"}}},
                       {"paths", fixed_paths()},
                       {"components", Value::Object{{"schemas", std::move(schemas)}}}};
}

Value output_schema(std::string_view word) {
  const Value text = Value::Object{{"type", "string"}};
  const Value file = Value::Object{{"type", "string"}, {"format", "uri"}};
  const auto list_of = [](const Value& items) {
    return Value::Object{{"type", "array"}, {"items", items}, {"title", "Output"}};
  };
  if (word == "file") return Value::Object{{"type", "string"}, {"format", "uri"}, {"title", "Output"}};
  if (word == "file_list") return list_of(file);
  if (word == "text") return Value::Object{{"type", "string"}, {"title", "Output"}};
  if (word == "text_stream") {
    auto schema = list_of(text);
    schema.emplace_back("x-cog-array-type", "iterator");
    schema.emplace_back("x-cog-array-display", "concatenate");
    return schema;
  }
  if (word == "list") return list_of(Value::Object{});
  if (word == "value") return Value::Object{{"title", "Output"}};
  return {};
}

OutputKind output_kind(const Value& openapi) {
  const Value* output = domain::resolve_schema(domain::openapi_schema(openapi, "Output"), openapi);
  if (output == nullptr) return OutputKind::value;
  const auto is_text = [](const Value* schema) { return schema != nullptr && schema->text_of("type") == "string"; };
  const auto is_file = [&](const Value* schema) { return is_text(schema) && schema->text_of("format") == "uri"; };
  if (output->text_of("type") == "array") {
    const Value* items = domain::resolve_schema(output->find("items"), openapi);
    if (is_file(items)) return OutputKind::file_list;
    const bool joined = output->text_of("x-cog-array-display") == "concatenate";
    return joined && is_text(items) ? OutputKind::text_stream : OutputKind::list;
  }
  if (is_file(output)) return OutputKind::file;
  return is_text(output) ? OutputKind::text : OutputKind::value;
}

}  // namespace hekto::service
