// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document is held to the routes, the routes to the document, and both to the official operations.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "api/openapi_text.h"
#include "app/gateway.h"
#include "base/text.h"
#include "json/value_json.h"
#include "tests/support/temp_dir.h"

namespace hekto::app {
namespace {

using domain::Value;

/// Method and path without the names of its parameters, "GET /predictions/{}": names are no promise.
std::string operation_name(std::string_view method, std::string_view path) {
  std::string out(method);
  out += ' ';
  while (!path.empty()) {
    const auto open = path.find('{');
    out += path.substr(0, open);
    if (open == std::string_view::npos) break;
    out += "{}";
    path.remove_prefix(path.find('}', open) + 1);
  }
  return out;
}

const Value& document() {
  static const Value kDocument = [] {
    auto parsed = json::parse(api::openapi_document("https://hekto.example/v1"));
    return parsed ? std::move(*parsed) : Value();
  }();
  return kDocument;
}

struct Operation {
  std::string path;
  std::string id;
  const Value* item = nullptr;  ///< what the path's operations share
  const Value* value = nullptr;
};

/// Every operation of the document by its name.
std::map<std::string, Operation> operations() {
  static const std::map<std::string, std::string> kMethods = {
      {"get", "GET"},       {"post", "POST"},       {"put", "PUT"},      {"patch", "PATCH"},
      {"delete", "DELETE"}, {"options", "OPTIONS"}, {"x-query", "QUERY"}};
  std::map<std::string, Operation> found;
  for (const auto& [path, item] : *document().find("paths")->as_object()) {
    for (const auto& [key, value] : *item.as_object()) {
      const auto method = kMethods.find(key);
      if (method == kMethods.end()) {
        EXPECT_TRUE(key == "parameters" || key == "servers") << path << ": " << key;
        continue;
      }
      const bool is_new = found
                              .emplace(operation_name(method->second, path),
                                       Operation{path, std::string(value.text_of("operationId")), &item, &value})
                              .second;
      EXPECT_TRUE(is_new) << path << " stands twice";
    }
  }
  return found;
}

/// Every route of a real server that answers under /v1, or beside the mounts, by its name.
std::set<std::string> routes() {
  const test::TempDir folder;
  Config config;
  config.data = folder.path() / "data";
  config.listen = {"127.0.0.1:0"};
  Gateway gateway(config);
  EXPECT_TRUE(gateway.start());
  std::set<std::string> found;
  for (const auto& route : gateway.routes()) {
    std::string_view path = route.pattern;
    if (path.starts_with("/v1/v1/") || path.starts_with("/replicate/")) continue;  // checked in MountsHaveTheSameRoutes
    if (path.starts_with("/v1/")) path.remove_prefix(3);
    found.insert(operation_name(http::to_string(route.method), path));
  }
  return found;
}

/// Calls `visit` for every object in `value`.
void visit_objects(const Value& value, const std::function<void(const Value&)>& visit) {
  if (const auto* array = value.as_array()) {
    for (const auto& item : *array) visit_objects(item, visit);
  }
  if (const auto* object = value.as_object()) {
    visit(value);
    for (const auto& [name, member] : *object) visit_objects(member, visit);
  }
}

/// What "#/a/b" names, or null.
const Value* resolve(std::string_view reference) {
  if (!reference.starts_with("#/")) return nullptr;
  reference.remove_prefix(2);
  const Value* at = &document();
  while (at != nullptr && !reference.empty()) at = at->find(take_until(reference, '/'));
  return at;
}

const Value& followed(const Value& value) {
  const auto reference = value.text_of("$ref");
  const Value* target = reference.empty() ? nullptr : resolve(reference);
  return target != nullptr ? *target : value;
}

TEST(OpenApi, EveryRouteIsInTheDocument) {
  // Beside the API: what operators and browsers ask for, and what one client makes of a `next` URL.
  const std::set<std::string> others = {"GET /healthz", "GET /readyz",   "GET /metrics",
                                        "GET /p/{}",    "GET /http:/{}", "GET /https:/{}"};
  const auto documented = operations();
  const auto routed = routes();
  for (const auto& route : routed) {
    EXPECT_TRUE(documented.contains(route) || others.contains(route)) << route << " is not in openapi/";
  }
  for (const auto& route : others) EXPECT_TRUE(routed.contains(route)) << route << " is not routed any more";
}

TEST(OpenApi, EveryOperationIsRouted) {
  const auto routed = routes();
  for (const auto& [name, operation] : operations()) EXPECT_TRUE(routed.contains(name)) << name << " is not routed";
}

TEST(OpenApi, MountsHaveTheSameRoutes) {
  const test::TempDir folder;
  Config config;
  config.data = folder.path() / "data";
  config.listen = {"127.0.0.1:0"};
  Gateway gateway(config);
  ASSERT_TRUE(gateway.start());
  std::map<std::string, std::set<std::string>> by_mount;
  for (const auto& route : gateway.routes()) {
    for (const std::string_view mount : {"/replicate/v1/v1/", "/v1/v1/", "/replicate/v1/", "/v1/", "/replicate/"}) {
      const std::string_view path = route.pattern;
      if (!path.starts_with(mount)) continue;
      by_mount[std::string(mount)].insert(operation_name(http::to_string(route.method), path.substr(mount.size() - 1)));
      break;
    }
  }
  ASSERT_EQ(by_mount.size(), 5u);
  for (const auto& [mount, found] : by_mount) EXPECT_EQ(found, by_mount["/v1/"]) << mount;
}

TEST(OpenApi, HasTheOfficialOperationsByTheirIds) {
  const std::map<std::string, std::string> official = {
      {"account.get", "GET /account"},
      {"collections.get", "GET /collections/{}"},
      {"collections.list", "GET /collections"},
      {"deployments.create", "POST /deployments"},
      {"deployments.delete", "DELETE /deployments/{}/{}"},
      {"deployments.get", "GET /deployments/{}/{}"},
      {"deployments.list", "GET /deployments"},
      {"deployments.predictions.create", "POST /deployments/{}/{}/predictions"},
      {"deployments.update", "PATCH /deployments/{}/{}"},
      {"files.create", "POST /files"},
      {"files.delete", "DELETE /files/{}"},
      {"files.download", "GET /files/{}/download"},
      {"files.get", "GET /files/{}"},
      {"files.list", "GET /files"},
      {"hardware.list", "GET /hardware"},
      {"models.create", "POST /models"},
      {"models.delete", "DELETE /models/{}/{}"},
      {"models.examples.list", "GET /models/{}/{}/examples"},
      {"models.get", "GET /models/{}/{}"},
      {"models.list", "GET /models"},
      {"models.predictions.create", "POST /models/{}/{}/predictions"},
      {"models.readme.get", "GET /models/{}/{}/readme"},
      {"models.search", "QUERY /models"},
      {"models.update", "PATCH /models/{}/{}"},
      {"models.versions.delete", "DELETE /models/{}/{}/versions/{}"},
      {"models.versions.get", "GET /models/{}/{}/versions/{}"},
      {"models.versions.list", "GET /models/{}/{}/versions"},
      {"predictions.cancel", "POST /predictions/{}/cancel"},
      {"predictions.create", "POST /predictions"},
      {"predictions.get", "GET /predictions/{}"},
      {"predictions.list", "GET /predictions"},
      {"search", "GET /search"},
      {"trainings.cancel", "POST /trainings/{}/cancel"},
      {"trainings.create", "POST /models/{}/{}/versions/{}/trainings"},
      {"trainings.get", "GET /trainings/{}"},
      {"trainings.list", "GET /trainings"},
      {"webhooks.default.secret.get", "GET /webhooks/default/secret"}};
  const auto documented = operations();
  for (const auto& [id, name] : official) {
    const auto found = documented.find(name);
    ASSERT_NE(found, documented.end()) << id;
    EXPECT_EQ(found->second.id, id);
  }
}

TEST(OpenApi, HasUniqueOperationIds) {
  std::set<std::string> ids;
  for (const auto& [name, operation] : operations()) {
    EXPECT_FALSE(operation.id.empty()) << name;
    EXPECT_TRUE(ids.insert(operation.id).second) << operation.id;
  }
}

TEST(OpenApi, ResolvesEveryReferenceAndUsesEveryComponent) {
  std::set<std::string> used;
  visit_objects(document(), [&used](const Value& object) {
    const auto reference = object.text_of("$ref");
    if (reference.empty()) return;
    EXPECT_NE(resolve(reference), nullptr) << reference;
    used.insert(std::string(reference));
  });
  for (const auto& [kind, components] : *document().find("components")->as_object()) {
    if (kind == "securitySchemes") continue;
    for (const auto& [name, value] : *components.as_object()) {
      EXPECT_TRUE(used.contains("#/components/" + kind + "/" + name)) << kind << "/" << name << " is used nowhere";
    }
  }
}

TEST(OpenApi, DeclaresTheParametersOfEveryPath) {
  for (const auto& [name, operation] : operations()) {
    std::set<std::string> declared;
    for (const Value* owner : {operation.item, operation.value}) {
      const Value* parameters = owner->find("parameters");
      if (parameters == nullptr) continue;
      for (const auto& entry : *parameters->as_array()) {
        const Value& parameter = followed(entry);
        EXPECT_NE(parameter.find("schema"), nullptr) << name;
        if (parameter.text_of("in") != "path") continue;
        EXPECT_TRUE(parameter.find("required") != nullptr && *parameter.find("required")->as_bool()) << name;
        declared.insert(std::string(parameter.text_of("name")));
      }
    }
    std::set<std::string> in_path;
    std::string_view rest = operation.path;
    for (auto open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
      rest.remove_prefix(open + 1);
      in_path.insert(std::string(take_until(rest, '}')));
    }
    EXPECT_EQ(declared, in_path) << name;
  }
}

TEST(OpenApi, DescribesEveryAnswerAndHasTheErrorsOfItsKind) {
  for (const auto& [name, operation] : operations()) {
    const Value* responses = operation.value->find("responses");
    ASSERT_TRUE(responses != nullptr && responses->as_object() != nullptr) << name;
    for (const auto& [status, response] : *responses->as_object()) {
      const Value& answer = followed(response);
      EXPECT_FALSE(answer.text_of("description").empty()) << name << " " << status;
      ASSERT_NE(answer.find("headers"), nullptr) << name << " " << status;
      EXPECT_NE(answer.find("headers")->find("x-request-id"), nullptr) << name << " " << status;
      if (status < "400") continue;
      ASSERT_NE(answer.find("content"), nullptr) << name << " " << status;
      EXPECT_NE(answer.find("content")->find("application/problem+json"), nullptr) << name << " " << status;
    }
    const bool open = operation.value->find("security") != nullptr;
    EXPECT_EQ(responses->find("401") != nullptr, !open) << name;
    EXPECT_EQ(responses->find("429") != nullptr, !open) << name;
    const bool has_parameter = operation.path.find('{') != std::string::npos;
    EXPECT_TRUE(!has_parameter || responses->find("404") != nullptr || responses->find("403") != nullptr ||
                operation.id == "delivery.preflight")
        << name;
    if (operation.value->find("requestBody") != nullptr) EXPECT_NE(responses->find("413"), nullptr) << name;
  }
}

TEST(OpenApi, NamesTheServerItIsToldAndIsOtherwiseTheSame) {
  const auto at = [](std::string_view server) { return api::openapi_document(server); };
  EXPECT_EQ(document().find("servers")->as_array()->at(0).text_of("url"), "https://hekto.example/v1");
  EXPECT_EQ(at("/v1").size() + 1, at("/v1/").size());
  const auto odd = json::parse(at("http://\"x\"/v1"));
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->find("servers")->as_array()->at(0).text_of("url"), "http://\"x\"/v1");
  EXPECT_EQ(document().text_of("openapi"), "3.1.0");
  EXPECT_EQ(document().find("info")->text_of("version"), HEKTO_VERSION);
}

}  // namespace
}  // namespace hekto::app
