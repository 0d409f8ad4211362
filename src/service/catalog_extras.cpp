// SPDX-License-Identifier: Apache-2.0
#include "service/catalog_extras.h"

#include <algorithm>

#include "base/hash.h"
#include "base/ids.h"
#include "domain/openapi.h"
#include "json/value_json.h"
#include "service/catalog_openapi.h"

namespace hekto::service {
namespace {

using domain::Prediction;
using domain::Value;

std::vector<std::string> read_texts(YamlReader& reader, const YAML::Node& mapping, const char* key) {
  std::vector<std::string> texts;
  const YAML::Node node = mapping[key];
  if (reader.error() || !node.IsDefined()) return texts;
  if (!node.IsSequence()) {
    reader.wrong(node, "'" + std::string(key) + "' is not a list of texts");
    return texts;
  }
  for (const auto& item : node) {
    if (!item.IsScalar()) reader.wrong(item, "'" + std::string(key) + "' holds more than texts");
    if (reader.error()) return texts;
    texts.push_back(item.Scalar());
  }
  return texts;
}

/// The first problem of `value` as one line; "" when there is none.
std::string problem_of(const domain::Schema& schema, const Value& value, const std::string& path) {
  const auto problems = schema.check(value, path);
  return problems.empty() ? std::string() : problems.front().field + ": " + problems.front().description;
}

void check_example(YamlReader& reader, const YAML::Node& node, const domain::Version& version, const Value& input,
                   const Value& output) {
  if (const auto why = problem_of(version.input, input, "input"); !why.empty()) {
    reader.wrong(node, "the example does not fit the model: " + why);
  }
  const Value* schema = domain::openapi_schema(version.openapi_schema, "Output");
  if (schema == nullptr) return;
  const auto compiled = domain::Schema::compile(*schema, version.openapi_schema);
  if (!compiled) return;
  if (const auto why = problem_of(*compiled, output, "output"); !why.empty()) {
    reader.wrong(node, "the example does not fit the model: " + why);
  }
}

/// An example is shown as the prediction that it would have been.
Prediction read_example(YamlReader& reader, const YAML::Node& node, const domain::Model& model, std::size_t index) {
  Prediction p;
  if (!reader.is_mapping(node, "an example", {"input", "output", "logs", "seconds", "created_at"})) return p;
  const auto& version = model.latest();
  const Value input = node["input"].IsDefined() ? reader.value(node["input"]) : Value(Value::Object{});
  if (input.as_object() == nullptr) reader.wrong(node["input"], "'input' is not a mapping");
  if (!node["output"].IsDefined()) reader.wrong(node, "'output' is missing");
  if (reader.error()) return p;
  const Value output = reader.value(node["output"]);
  p.model = model.full_name();
  p.version = version.id;
  p.input = json::dump(input);
  p.logs = reader.text(node, "logs");
  p.created_at = reader.time(node, "created_at", version.created_at);
  p.started_at = p.created_at;
  const double seconds = reader.number(node, "seconds", 1, 0);
  p.completed_at = p.created_at + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  p.status = domain::Status::succeeded;
  if (const auto* items = output.as_array()) {
    p.output.is_list = true;
    for (const auto& item : *items) p.output.items.push_back(json::dump(item));
  } else {
    p.output.items.push_back(json::dump(output));
  }
  // The same from start to start, and unlike any other.
  p.id = id_from_bytes(sha256(p.model + "\n" + std::to_string(index) + "\n" + p.input).substr(0, 16));
  check_example(reader, node, version, input, output);
  return p;
}

}  // namespace

bool is_slug(std::string_view text) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  return text.size() <= 100 && text.find_first_not_of(kAlphabet) == std::string_view::npos && !text.starts_with('.');
}

void read_extras(YamlReader& reader, const YAML::Node& root, domain::Model& model) {
  model.readme = reader.optional_text(root, "readme");
  model.tags = read_texts(reader, root, "tags");
  const YAML::Node examples = root["examples"];
  if (reader.error() || !examples.IsDefined()) return;
  if (!examples.IsSequence()) return reader.wrong(examples, "'examples' is not a list of examples");
  for (const auto& node : examples) {
    model.examples.push_back(read_example(reader, node, model, model.examples.size()));
    if (reader.error()) return;
  }
}

std::vector<domain::Collection> read_collections(YamlReader& reader, const YAML::Node& root) {
  std::vector<domain::Collection> collections;
  if (!reader.is_mapping(root, "the file", {"collections"})) return collections;
  const YAML::Node list = root["collections"];
  if (!list.IsSequence()) {
    reader.wrong(list, "'collections' is not a list of collections");
    return collections;
  }
  for (const auto& node : list) {
    if (!reader.is_mapping(node, "a collection", {"slug", "name", "description", "full_description", "models"})) break;
    domain::Collection collection;
    collection.slug = reader.required_text(node, "slug");
    if (!is_slug(collection.slug)) {
      reader.wrong(node["slug"], "'slug' holds more than lower-case letters, digits, '-', '_' and '.'");
    }
    collection.name = reader.required_text(node, "name");
    collection.description = reader.required_text(node, "description");
    collection.full_description = reader.optional_text(node, "full_description");
    collection.models = read_texts(reader, node, "models");
    if (std::ranges::find(collections, collection.slug, &domain::Collection::slug) != collections.end()) {
      reader.wrong(node, "'" + collection.slug + "' stands twice");
    }
    if (reader.error()) break;
    collections.push_back(std::move(collection));
  }
  return collections;
}

}  // namespace hekto::service
