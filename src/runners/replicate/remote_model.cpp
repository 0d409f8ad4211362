// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/remote_model.h"

#include "base/time.h"
#include "json/value_json.h"
#include "ports/remote_catalog.h"

namespace hekto::runners::replicate {
namespace {

using domain::Value;

std::optional<Value> read(const std::string& body) {
  auto text = body;
  std::erase_if(text, [](char c) { return c == ports::kRemoteBase || c == ports::kRemoteOrigin; });
  auto document = json::parse(text);
  return document ? std::optional(std::move(*document)) : std::nullopt;
}

/// A version's document as one that inputs can be checked against; one that takes anything when it says nothing.
domain::Version read_version(const Value& document, std::string_view id) {
  domain::Version version;
  version.id = id;
  if (const auto created = parse_time(document.text_of("created_at"))) version.created_at = *created;
  version.cog_version = document.text_of("cog_version");
  const Value* openapi = document.find("openapi_schema");
  if (openapi == nullptr || openapi->as_object() == nullptr) return version;
  version.openapi_schema = *openapi;
  const Value* components = openapi->find("components");
  const Value* schemas = components != nullptr ? components->find("schemas") : nullptr;
  if (schemas == nullptr) return version;
  if (const Value* input = schemas->find("Input")) {
    if (auto compiled = domain::Schema::compile(*input, *openapi)) version.input = std::move(*compiled);
  }
  if (const Value* training = schemas->find("TrainingInput")) {
    if (auto compiled = domain::Schema::compile(*training, *openapi)) version.training = std::move(*compiled);
  }
  return version;
}

std::shared_ptr<const domain::Model> made_of(const Value& document, const Value& version, std::string_view owner,
                                             std::string_view name) {
  auto model = std::make_shared<domain::Model>();
  model->owner = owner;
  model->name = name;
  model->description = document.text_of("description");
  model->versions.push_back(read_version(version, version.text_of("id")));
  return model;
}

}  // namespace

std::shared_ptr<const domain::Model> model_of(const std::string& body, std::string_view owner, std::string_view name) {
  const auto document = read(body);
  const Value* latest = document ? document->find("latest_version") : nullptr;
  if (latest == nullptr || latest->as_object() == nullptr) return nullptr;
  return made_of(*document, *latest, owner, name);
}

std::shared_ptr<const domain::Model> model_of_version(const std::string& body, std::string_view owner,
                                                      std::string_view name) {
  const auto document = read(body);
  return document ? made_of(*document, *document, owner, name) : nullptr;
}

bool is_public_model(const std::string& body) {
  const auto document = read(body);
  return document && document->text_of("visibility") == "public";
}

std::shared_ptr<const domain::Model> open_model(std::string_view owner, std::string_view name,
                                                std::string_view version) {
  auto model = std::make_shared<domain::Model>();
  model->owner = owner;
  model->name = name;
  auto& only = model->versions.emplace_back();
  only.id = version;
  only.openapi_schema = Value::Object{};
  only.training.emplace();
  return model;
}

domain::Offer relayed_offer(std::shared_ptr<const domain::Model> model) {
  domain::Offer offer;
  offer.version = &model->versions.front();
  offer.base = offer.version->id;
  offer.model = std::move(model);
  offer.relayed = true;
  return offer;
}

}  // namespace hekto::runners::replicate
