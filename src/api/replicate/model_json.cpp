// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/model_json.h"

#include "base/json_text.h"
#include "json/value_json.h"

namespace hekto::api {

void append_text_or_null(std::string& out, std::string_view name, const std::optional<std::string>& text) {
  out.append(",\"").append(name).append("\":");
  if (text) {
    append_json_string(out, *text);
  } else {
    out += "null";
  }
}

namespace {

void append_version_object(std::string& out, std::string_view id, Time created_at, const domain::Version& like) {
  out += R"({"id":)";
  append_json_string(out, id);
  out += R"(,"created_at":")";
  append_time(out, created_at);
  out += R"(","cog_version":)";
  append_json_string(out, like.cog_version);
  out += R"(,"openapi_schema":)";
  json::append(out, like.openapi_schema);
  out += '}';
}

}  // namespace

void append_version(std::string& out, const domain::Version& version) {
  append_version_object(out, version.id, version.created_at, version);
}

void append_version(std::string& out, const domain::TrainedVersion& version, const domain::Version& base) {
  append_version_object(out, version.id, version.created_at, base);
}

void append_model(std::string& out, const domain::Model& model, const json::UrlContext& urls) {
  out += R"({"url":")";
  out.append(urls.origin).append(urls.mount).append("/models/").append(model.full_name());
  out += R"(","owner":)";
  append_json_string(out, model.owner);
  out += R"(,"name":)";
  append_json_string(out, model.name);
  out += R"(,"description":)";
  append_json_string(out, model.description);
  out += R"(,"visibility":)";
  append_json_string(out, model.visibility);
  out += model.official ? R"(,"is_official":true)" : R"(,"is_official":false)";
  append_text_or_null(out, "github_url", model.github_url);
  append_text_or_null(out, "paper_url", model.paper_url);
  append_text_or_null(out, "license_url", model.license_url);
  append_text_or_null(out, "weights_url", std::nullopt);
  out += R"(,"run_count":)" + std::to_string(model.run_count);
  append_text_or_null(out, "cover_image_url", model.cover_image_url);
  out += R"(,"created_at":")";
  append_time(out, model.created_at);
  out += R"(","default_example":)";
  if (model.examples.empty()) {
    out += "null";
  } else {
    json::append_prediction(out, model.examples.front(), urls);
  }
  out += R"(,"latest_version":)";
  append_version(out, model.latest());
  out += '}';
}

void append_model(std::string& out, const domain::OwnedModel& model, const domain::Version* base,
                  const json::UrlContext& urls) {
  out += R"({"url":")";
  out.append(urls.origin).append(urls.mount).append("/models/").append(model.owner).append("/").append(model.name);
  out += R"(","owner":)";
  append_json_string(out, model.owner);
  out += R"(,"name":)";
  append_json_string(out, model.name);
  append_text_or_null(out, "description", model.description);
  out += R"(,"visibility":)";
  append_json_string(out, model.visibility);
  out += R"(,"is_official":false)";
  append_text_or_null(out, "github_url", model.github_url);
  append_text_or_null(out, "paper_url", model.paper_url);
  append_text_or_null(out, "license_url", model.license_url);
  append_text_or_null(out, "weights_url", model.weights_url);
  out += R"(,"run_count":0)";
  append_text_or_null(out, "cover_image_url", model.cover_image_url);
  out += R"(,"created_at":")";
  append_time(out, model.created_at);
  out += R"(","default_example":null,"latest_version":)";
  if (model.latest_version && base != nullptr) {
    append_version(out, *model.latest_version, *base);
  } else {
    out += "null";
  }
  out += '}';
}

}  // namespace hekto::api
