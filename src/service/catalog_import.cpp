// SPDX-License-Identifier: Apache-2.0
#include "service/catalog_import.h"

#include <algorithm>
#include <array>

#include <yaml-cpp/yaml.h>

#include "base/text.h"
#include "domain/openapi.h"
#include "json/value_json.h"
#include "service/catalog_extras.h"
#include "service/catalog_loader.h"
#include "service/catalog_version.h"

namespace hekto::service {
namespace {

using domain::Value;

std::unexpected<Error> wrong(std::string message) { return fail(ErrorCode::invalid_input, std::move(message)); }

/// The parts of a file that a catalog entry is made from; those that it does not have are null.
struct Parts {
  const Value* model = nullptr;
  const Value* version = nullptr;
  const Value* openapi = nullptr;
};

Result<Parts> parts_of(const Value& file) {
  if (file.as_object() == nullptr) return wrong("the file holds no JSON object");
  Parts parts;
  parts.version = &file;
  if (const Value* latest = file.find("latest_version")) {
    parts.model = &file;
    parts.version = latest;
    if (latest->as_object() == nullptr) return wrong("the model in the file has no version: latest_version is empty");
  }
  parts.openapi = parts.version->find("openapi_schema");
  if (parts.openapi != nullptr) return parts;
  if (parts.model != nullptr) return wrong("latest_version has no openapi_schema");
  if (file.find("components") == nullptr && file.find("openapi") == nullptr) {
    return wrong(
        "the file is neither an OpenAPI document (with components.schemas), nor a version (with openapi_schema), nor "
        "a model (with latest_version)");
  }
  parts.version = nullptr;
  parts.openapi = &file;
  return parts;
}

/// Looks at each input by itself, so that what is wrong can be named.
Result<void> check_schemas(const Value& openapi) {
  const Value* input = domain::openapi_schema(openapi, "Input");
  if (input == nullptr || input->as_object() == nullptr) return wrong("components.schemas.Input is missing");
  if (const Value* properties = input->find("properties")) {
    if (properties->as_object() == nullptr) return wrong("the properties of Input are no object");
    for (const auto& [name, property] : *properties->as_object()) {
      const auto compiled = domain::Schema::compile(property, openapi);
      if (!compiled) return wrong("input '" + name + "' is not understood: " + compiled.error().message);
    }
  }
  for (const auto* name : {"Input", "Output"}) {
    const Value* schema = domain::openapi_schema(openapi, name);
    if (schema == nullptr) continue;
    const auto compiled = domain::Schema::compile(*schema, openapi);
    if (!compiled) return wrong(std::string(name) + " is not understood: " + compiled.error().message);
  }
  return {};
}

std::string text_in(const Value* object, std::string_view name) {
  return object != nullptr ? std::string(object->text_of(name)) : std::string();
}

/// The owner and the name that the model is to have.
Result<std::pair<std::string, std::string>> name_of(const Parts& parts, const std::string& asked) {
  std::string_view rest = asked;
  std::string owner(take_until(rest, '/'));
  std::string name(rest);
  if (asked.empty()) {
    owner = text_in(parts.model, "owner");
    name = text_in(parts.model, "name");
    if (owner.empty() || name.empty())
      return wrong("the file does not say how the model is called: give --name OWNER/NAME");
  }
  if (owner.empty() || name.empty() || !is_slug(owner) || !is_slug(name)) {
    return wrong("'" + owner + "/" + name +
                 "' is no name of a model: OWNER/NAME, each of lower-case letters, digits, '-', '_' and '.'");
  }
  return std::pair(std::move(owner), std::move(name));
}

/// JSON as a person would write it in YAML, with every text in quotes, since YAML takes some plain ones for others.
void emit(YAML::Emitter& out, const Value& value) {
  if (const auto* object = value.as_object()) {
    if (object->empty()) out << YAML::Flow;
    out << YAML::BeginMap;
    for (const auto& [name, member] : *object) {
      out << YAML::Key << YAML::DoubleQuoted << name << YAML::Value;
      emit(out, member);
    }
    out << YAML::EndMap;
  } else if (const auto* array = value.as_array()) {
    const bool plain = std::ranges::all_of(
        *array, [](const Value& item) { return item.as_object() == nullptr && item.as_array() == nullptr; });
    if (plain) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const auto& item : *array) emit(out, item);
    out << YAML::EndSeq;
  } else if (const auto* text = value.as_string()) {
    out << YAML::DoubleQuoted << *text;
  } else {
    out << json::dump(value);
  }
}

/// The input that says how many steps a model takes, where there is a usual one.
std::string steps_input(const Value& openapi) {
  const Value* input = domain::openapi_schema(openapi, "Input");
  const Value* properties = input != nullptr ? input->find("properties") : nullptr;
  if (properties == nullptr) return {};
  for (const auto* name : {"num_inference_steps", "sample_steps", "steps"}) {
    const Value* property = properties->find(name);
    if (property != nullptr && property->text_of("type") == "integer") return name;
  }
  return {};
}

Value version_of(const Parts& parts, const std::string& created_at) {
  Value::Object version;
  const auto id = text_in(parts.version, "id");
  if (id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string::npos) version.emplace_back("id", id);
  const auto made = text_in(parts.version, "created_at");
  version.emplace_back("created_at", parse_time(made) ? made : created_at);
  // Clients read lists as streams below 0.3.9, which the catalog refuses; the default is better than such a version.
  const auto cog = text_in(parts.version, "cog_version");
  if (is_usable_cog_version(cog)) version.emplace_back("cog_version", cog);
  version.emplace_back("openapi_schema", *parts.openapi);
  return version;
}

}  // namespace

Result<ImportedModel> import_model(std::string_view text, const ImportOptions& options, Time now) {
  const auto file = json::parse(text);
  if (!file) return wrong("the file is no JSON: " + file.error().message);
  const auto parts = parts_of(*file);
  if (!parts) return std::unexpected(parts.error());
  const auto name = name_of(*parts, options.name);
  if (!name) return std::unexpected(name.error());
  if (auto checked = check_schemas(*parts->openapi); !checked) return std::unexpected(checked.error());

  Value::Object entry{{"owner", name->first}, {"name", name->second}};
  const auto description = options.description.empty() ? text_in(parts->model, "description") : options.description;
  if (!description.empty()) entry.emplace_back("description", description);
  for (const auto* key : {"github_url", "paper_url", "license_url", "cover_image_url"}) {
    if (const auto url = text_in(parts->model, key); !url.empty()) entry.emplace_back(key, url);
  }
  const auto made = text_in(parts->model, "created_at");
  const std::string created_at = parse_time(made) ? made : format_time(now);
  entry.emplace_back("created_at", created_at);
  entry.emplace_back("version", version_of(*parts, created_at));
  if (const auto steps = steps_input(*parts->openapi); !steps.empty()) {
    entry.emplace_back("sandbox", Value::Object{{"steps_input", steps}});
  }

  YAML::Emitter out;
  emit(out, entry);
  ImportedModel imported;
  imported.file_name = name->first + "+" + name->second + ".yaml";  // '+' stands in no name
  imported.yaml = "# Written by 'hekto models add'. docs/sandbox.md says what else may stand here.\n";
  imported.yaml += out.c_str();
  imported.yaml += '\n';
  auto model = load_model_yaml(imported.yaml, imported.file_name);
  if (!model) return std::unexpected(std::move(model).error());
  imported.model = *std::move(model);
  return imported;
}

}  // namespace hekto::service
