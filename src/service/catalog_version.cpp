// SPDX-License-Identifier: Apache-2.0
#include "service/catalog_version.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/text.h"
#include "domain/openapi.h"
#include "json/value_json.h"
#include "service/catalog_openapi.h"

namespace hekto::service {
namespace {

using domain::Value;

constexpr const char* kDefaultCogVersion = "0.16.8";

bool is_version_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

using AddInput = bool (OpenApiBuilder::*)(const std::string&, const Value&);

void add_inputs(YamlReader& reader, const YAML::Node& properties, OpenApiBuilder& builder, AddInput add) {
  if (!reader.is_mapping(properties, "'properties'", {})) return;
  for (const auto& member : properties) {
    const std::string& name = member.first.Scalar();
    const YAML::Node& form = member.second;
    const bool known = reader.is_mapping(form, "input '" + name + "'",
                                         {"type",
                                          "title",
                                          "description",
                                          "default",
                                          "enum",
                                          "format",
                                          "minimum",
                                          "maximum",
                                          "exclusiveMinimum",
                                          "exclusiveMaximum",
                                          "multipleOf",
                                          "minLength",
                                          "maxLength",
                                          "pattern",
                                          "items",
                                          "minItems",
                                          "maxItems",
                                          "uniqueItems",
                                          "nullable",
                                          "deprecated",
                                          "anyOf",
                                          "properties",
                                          "required",
                                          "additionalProperties"});
    if (!known) return;
    if (!(builder.*add)(name, reader.value(form))) {
      reader.wrong(form, "an enum cannot be called '" + name + "', which names another part of the document");
    }
  }
}

Value::Array read_required(YamlReader& reader, const YAML::Node& input) {
  const YAML::Node node = input["required"];
  Value::Array names;
  if (!node.IsDefined()) return names;
  if (!node.IsSequence()) {
    reader.wrong(node, "'required' is not a list of inputs");
    return names;
  }
  for (const auto& name : node) {
    if (!name.IsScalar() || !input["properties"][name.Scalar()].IsDefined()) {
      reader.wrong(name, "'required' names something that is no input");
      return names;
    }
    names.emplace_back(name.Scalar());
  }
  return names;
}

Value read_output(YamlReader& reader, const YAML::Node& version) {
  const YAML::Node node = version["output"];
  if (node.IsDefined() && node.IsMap()) {
    Value schema = reader.value(node);
    if (schema.as_object() != nullptr && schema.find("title") == nullptr) {
      schema.as_object()->emplace_back("title", "Output");
    }
    return schema;
  }
  const Value schema = output_schema(reader.required_text(version, "output"));
  if (schema.is_null()) {
    reader.wrong(node.IsDefined() ? node : version,
                 "'output' is none of file, file_list, text, text_stream, list, value, nor a schema");
  }
  return schema;
}

/// Adds what stands in `node` and returns the names of what is required of it.
Value::Array read_inputs(YamlReader& reader, const YAML::Node& node, const std::string& what, OpenApiBuilder& builder,
                         AddInput add) {
  if (!reader.is_mapping(node, what, {"required", "properties"})) return {};
  const YAML::Node properties = node["properties"];
  if (!properties.IsDefined()) {
    reader.wrong(node, "'properties' is missing");
    return {};
  }
  add_inputs(reader, properties, builder, add);
  return reader.error() ? Value::Array() : read_required(reader, node);
}

Value read_openapi(YamlReader& reader, const YAML::Node& version) {
  const YAML::Node whole = version["openapi_schema"];
  const YAML::Node input = version["input"];
  const YAML::Node training = version["training"];
  if (whole.IsDefined()) {
    if (input.IsDefined() || training.IsDefined() || version["output"].IsDefined()) {
      reader.wrong(whole, "'openapi_schema' replaces 'input', 'output' and 'training'; give one or the other");
    }
    Value document = reader.value(whole);
    if (domain::openapi_schema(document, "Input") == nullptr)
      reader.wrong(whole, "'openapi_schema' has no components.schemas.Input");
    return document;
  }
  if (!input.IsDefined()) {
    reader.wrong(version, "'input' is missing");
    return {};
  }
  OpenApiBuilder builder;
  auto required = read_inputs(reader, input, "'input'", builder, &OpenApiBuilder::add_input);
  Value::Array required_to_train;
  if (training.IsDefined()) {
    required_to_train = read_inputs(reader, training, "'training'", builder, &OpenApiBuilder::add_training_input);
  }
  if (reader.error()) return {};
  return std::move(builder).build(std::move(required), std::move(required_to_train), read_output(reader, version));
}

/// The first default or enum value that the input schema `part` itself refuses, told as a problem of it; "" when none
/// is.
std::string contradiction(const domain::Schema& schema, const Value& openapi, std::string_view part) {
  const Value* input = domain::openapi_schema(openapi, part);
  const Value* properties = input != nullptr ? input->find("properties") : nullptr;
  if (properties == nullptr || properties->as_object() == nullptr) return {};
  const auto refused = [&](const std::string& name, const Value& value) -> std::string {
    for (const auto& problem : schema.check(Value::Object{{name, value}}, "")) {
      if (problem.field.starts_with(name)) return problem.field + ": " + problem.description;
    }
    return {};
  };
  for (const auto& [name, property] : *properties->as_object()) {
    const Value* fallback = property.find("default");
    if (std::string why; fallback != nullptr && !(why = refused(name, *fallback)).empty()) {
      return "the default does not satisfy its own schema: " + why;
    }
    const Value* named = domain::openapi_schema(openapi, name);
    const Value* choices = named != nullptr ? named->find("enum") : nullptr;
    if (choices == nullptr || choices->as_array() == nullptr) continue;
    for (const auto& choice : *choices->as_array()) {
      if (std::string why; !(why = refused(name, choice)).empty()) return "an enum value is not of its type: " + why;
    }
  }
  return {};
}

}  // namespace

bool is_usable_cog_version(std::string_view text) {
  std::array<int, 3> parts{};
  for (int& part : parts) {
    const auto digits = take_until(text, '.');
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), part);
    if (error != std::errc{} || end == digits.data() || part < 0) return false;
    // A suffix such as rc1 or +local may follow the last number.
    if (end != digits.data() + digits.size() && &part != &parts.back()) return false;
  }
  return parts >= std::array{0, 3, 9};
}

domain::Version read_version(YamlReader& reader, const YAML::Node& node, const std::string& model,
                             Time model_created_at) {
  domain::Version version;
  if (!reader.is_mapping(node, "'version'",
                         {"id", "created_at", "cog_version", "input", "output", "training", "openapi_schema"})) {
    return version;
  }
  version.created_at = reader.time(node, "created_at", model_created_at);
  version.cog_version = reader.text(node, "cog_version", kDefaultCogVersion);
  if (!is_usable_cog_version(version.cog_version)) {
    reader.wrong(node["cog_version"], "'cog_version' is not a version of at least 0.3.9");
  }
  version.openapi_schema = read_openapi(reader, node);
  if (reader.error()) return version;

  version.id = reader.text(node, "id");
  if (version.id.empty()) version.id = hex_encode(sha256(model + "\n" + json::dump(version.openapi_schema)));
  if (!is_version_id(version.id)) reader.wrong(node["id"], "'id' is not 64 lower-case hexadecimal digits");

  const YAML::Node schema_node = node["input"].IsDefined() ? node["input"] : node["openapi_schema"];
  auto schema =
      domain::Schema::compile(*domain::openapi_schema(version.openapi_schema, "Input"), version.openapi_schema);
  if (!schema) {
    reader.wrong(schema_node, schema.error().message);
    return version;
  }
  version.input = *std::move(schema);
  version.output = output_kind(version.openapi_schema);
  if (const auto why = contradiction(version.input, version.openapi_schema, "Input"); !why.empty()) {
    reader.wrong(schema_node, why);
  }
  if (const Value* inputs = domain::openapi_schema(version.openapi_schema, "TrainingInput")) {
    const YAML::Node training_node = node["training"].IsDefined() ? node["training"] : schema_node;
    auto training = domain::Schema::compile(*inputs, version.openapi_schema);
    if (!training) {
      reader.wrong(training_node, training.error().message);
      return version;
    }
    version.training = *std::move(training);
    const auto why = contradiction(*version.training, version.openapi_schema, "TrainingInput");
    if (!why.empty()) reader.wrong(training_node, why);
  }
  return version;
}

}  // namespace hekto::service
