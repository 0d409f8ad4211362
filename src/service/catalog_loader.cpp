// SPDX-License-Identifier: Apache-2.0
#include "service/catalog_loader.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "domain/openapi.h"
#include "domain/output_media.h"
#include "service/builtin_models.h"
#include "service/catalog_extras.h"
#include "service/catalog_openapi.h"
#include "service/catalog_version.h"
#include "service/catalog_yaml.h"

namespace hekto::service {
namespace {

using domain::Catalog;
using domain::Model;

std::string read_slug(YamlReader& reader, const YAML::Node& root, const char* key) {
  std::string text = reader.required_text(root, key);
  if (!is_slug(text)) {
    reader.wrong(root[key], "'" + std::string(key) + "' holds more than lower-case letters, digits, '-', '_' and '.'");
  }
  return text;
}

void read_versions(YamlReader& reader, const YAML::Node& root, Model& model) {
  const YAML::Node one = root["version"];
  const YAML::Node several = root["versions"];
  if (one.IsDefined() == several.IsDefined()) {
    return reader.wrong(root, "a model has either a 'version' or 'versions'");
  }
  if (one.IsDefined()) {
    model.versions.push_back(read_version(reader, one, model.full_name(), model.created_at));
    return;
  }
  if (!several.IsSequence() || several.size() == 0)
    return reader.wrong(several, "'versions' is not a list of versions");
  for (const auto& version : several) {
    model.versions.push_back(read_version(reader, version, model.full_name(), model.created_at));
  }
}

void read_sandbox(YamlReader& reader, const YAML::Node& root, Model& model) {
  const YAML::Node node = root["sandbox"];
  if (!node.IsDefined() || reader.error()) return;
  if (!reader.is_mapping(node, "'sandbox'",
                         {"seconds", "setup_seconds", "steps_input", "steps", "tokens_per_second", "training_seconds",
                          "output", "numbers"})) {
    return;
  }
  auto& sandbox = model.sandbox;
  sandbox.seconds = reader.number(node, "seconds", sandbox.seconds, 0);
  sandbox.setup_seconds = reader.number(node, "setup_seconds", sandbox.setup_seconds, 0);
  sandbox.steps_input = reader.text(node, "steps_input");
  sandbox.steps = static_cast<int>(std::min<std::int64_t>(reader.whole(node, "steps", sandbox.steps, 1), 10'000));
  sandbox.tokens_per_second = reader.number(node, "tokens_per_second", sandbox.tokens_per_second, 0.1);
  sandbox.training_seconds = reader.number(node, "training_seconds", sandbox.training_seconds, 0);
  sandbox.numbers = static_cast<int>(std::min<std::int64_t>(reader.whole(node, "numbers", sandbox.numbers, 1), 10'000));
  if (const auto word = reader.optional_text(node, "output")) {
    sandbox.output = domain::parse_media(*word);
    if (!sandbox.output) reader.wrong(node["output"], "'output' is none of image, cutout, speech, music, video");
  }
  if (reader.error() || sandbox.steps_input.empty()) return;
  const auto* input = domain::openapi_schema(model.latest().openapi_schema, "Input");
  const auto* properties = input != nullptr ? input->find("properties") : nullptr;
  if (properties == nullptr || properties->find(sandbox.steps_input) == nullptr) {
    reader.wrong(node["steps_input"], "'steps_input' names something that is no input");
  }
}

/// Whether the text is meant as a list of collections; what is wrong with it otherwise is for its own reader to say.
bool has_collections(std::string_view yaml, std::string_view file_name) {
  // Most files are models, and reading one twice would take half of a start.
  if (!yaml.contains("collections")) return false;
  YamlReader reader(file_name);
  const YAML::Node root = reader.parse(yaml);
  return root.IsMap() && root["collections"].IsDefined();
}

Result<void> add_text(Catalog& catalog, std::string_view yaml, std::string_view file_name) {
  if (has_collections(yaml, file_name)) {
    auto collections = load_collections_yaml(yaml, file_name);
    if (!collections) return std::unexpected(std::move(collections).error());
    for (auto& collection : *collections) catalog.add(std::move(collection));
    return {};
  }
  auto model = load_model_yaml(yaml, file_name);
  if (!model) return std::unexpected(std::move(model).error());
  model->origin = file_name;
  catalog.add(*std::move(model));
  return {};
}

Result<void> add_file(Catalog& catalog, const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return fail(ErrorCode::invalid_input, path.string() + ": cannot be read");
  return add_text(catalog, text, path.string());
}

Result<std::vector<std::filesystem::path>> files_of(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector{path};
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".yaml") files.push_back(it->path());
  }
  if (error) return fail(ErrorCode::invalid_input, path.string() + ": cannot be read: " + error.message());
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<Model> load_model_yaml(std::string_view yaml, std::string_view file_name) {
  YamlReader reader(file_name);
  const YAML::Node root = reader.parse(yaml);
  Model model;
  if (reader.is_mapping(root, "the file",
                        {"owner", "name", "description", "visibility", "official", "github_url", "paper_url",
                         "license_url", "cover_image_url", "run_count", "created_at", "version", "versions", "sandbox",
                         "readme", "tags", "examples"})) {
    model.owner = read_slug(reader, root, "owner");
    model.name = read_slug(reader, root, "name");
    model.description = reader.text(root, "description");
    model.visibility = reader.text(root, "visibility", model.visibility);
    if (model.visibility != "public" && model.visibility != "private") {
      reader.wrong(root["visibility"], "'visibility' is neither public nor private");
    }
    model.official = reader.boolean(root, "official");
    model.github_url = reader.optional_text(root, "github_url");
    model.paper_url = reader.optional_text(root, "paper_url");
    model.license_url = reader.optional_text(root, "license_url");
    model.cover_image_url = reader.optional_text(root, "cover_image_url");
    model.run_count = reader.whole(root, "run_count", 0, 0);
    model.created_at = reader.time(root, "created_at", std::nullopt);
    if (!reader.error()) read_versions(reader, root, model);
    read_sandbox(reader, root, model);
    if (!reader.error()) read_extras(reader, root, model);
  }
  if (reader.error()) return std::unexpected(*reader.error());
  return model;
}

Result<std::vector<domain::Collection>> load_collections_yaml(std::string_view yaml, std::string_view file_name) {
  YamlReader reader(file_name);
  auto collections = read_collections(reader, reader.parse(yaml));
  if (reader.error()) return std::unexpected(*reader.error());
  return collections;
}

std::filesystem::path own_models_folder(const std::filesystem::path& data) { return data / "models"; }

std::vector<std::filesystem::path> catalog_paths(const std::filesystem::path& data,
                                                 const std::vector<std::filesystem::path>& models) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  if (std::filesystem::is_directory(own_models_folder(data), error)) paths.push_back(own_models_folder(data));
  paths.insert(paths.end(), models.begin(), models.end());
  return paths;
}

Result<Catalog> load_catalog(const std::vector<std::filesystem::path>& extra) {
  Catalog catalog;
  for (const auto& model : builtin_models()) {
    if (auto added = add_text(catalog, model.yaml, model.file_name); !added) return std::unexpected(added.error());
  }
  for (const auto& path : extra) {
    const auto files = files_of(path);
    if (!files) return std::unexpected(files.error());
    for (const auto& file : *files) {
      if (auto added = add_file(catalog, file); !added) return std::unexpected(added.error());
    }
  }
  // A prediction may name nothing but a version id, which then has to mean one model.
  std::map<std::string, std::string> owners;
  for (const auto& [name, model] : catalog.models()) {
    for (const auto& version : model.versions) {
      const auto [it, added] = owners.try_emplace(version.id, name);
      if (!added) {
        return fail(ErrorCode::invalid_input,
                    "version " + version.id + " belongs to both " + it->second + " and " + name);
      }
    }
  }
  for (const auto& collection : catalog.collections()) {
    for (const auto& name : collection.models) {
      if (catalog.models().contains(name)) continue;
      return fail(ErrorCode::invalid_input, "collection " + collection.slug + " names " + name + ", which is no model");
    }
  }
  return catalog;
}

}  // namespace hekto::service
