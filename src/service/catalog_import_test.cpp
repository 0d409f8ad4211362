// SPDX-License-Identifier: Apache-2.0
#include "service/catalog_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/openapi.h"
#include "domain/output_media.h"
#include "json/value_json.h"

namespace hekto::service {
namespace {

using domain::OutputKind;
using testing::HasSubstr;
using testing::StartsWith;

const Time kNow = from_micros(1'800'000'000'000'000);

/// An OpenAPI document with these members of components.schemas.
std::string document(const std::string& schemas) {
  return R"({"openapi":"3.0.2","info":{"title":"Cog","version":"0.1.0"},"paths":{},"components":{"schemas":{)" +
         schemas + "}}}";
}

/// What real schemas hold: enums behind allOf and $ref, nullable and anyOf with null, secrets, deprecated inputs,
/// nested objects, lists of objects, open objects, texts that YAML could take for something else.
const std::string kRich = document(R"(
  "Input":{"type":"object","title":"Input","required":["prompt"],"properties":{
    "prompt":{"type":"string","title":"Prompt","x-order":0,"description":"yes: \"quoted\" # no comment\nsecond line 🦊"},
    "mode":{"allOf":[{"$ref":"#/components/schemas/mode"}],"default":"no","x-order":1},
    "image":{"anyOf":[{"type":"string","format":"uri"},{"type":"null"}],"x-order":2},
    "mask":{"type":"string","format":"uri","nullable":true,"x-order":3},
    "api_key":{"type":"string","format":"password","writeOnly":true,"x-cog-secret":true,"nullable":true},
    "old":{"type":"integer","deprecated":true,"default":3,"minimum":1,"maximum":9},
    "num_inference_steps":{"type":"integer","default":28,"minimum":1,"maximum":50},
    "messages":{"type":"array","items":{"type":"object","required":["role"],"properties":{
      "role":{"type":"string"},"content":{"type":"string"}}},"default":[]},
    "extra":{"type":"object","additionalProperties":{"type":"number"}},
    "anything":{"type":"object","additionalProperties":true}}},
  "Output":{"type":"array","items":{"type":"string","format":"uri"},"title":"Output","x-cog-array-type":"iterator"},
  "mode":{"enum":["no","1.5","~",""],"type":"string","title":"mode","description":"An enumeration."})");

ImportedModel imported(const std::string& text, ImportOptions options = {"acme/painter", ""}) {
  auto made = import_model(text, options, kNow);
  EXPECT_TRUE(made) << made.error().message;
  return made ? std::move(*made) : ImportedModel{};
}

std::string refusal(const std::string& text, ImportOptions options = {"acme/painter", ""}) {
  const auto made = import_model(text, options, kNow);
  return made ? "" : made.error().message;
}

TEST(CatalogImport, KeepsTheDocumentAsItIs) {
  const auto made = imported(kRich, {"acme/painter", "Paints: everything"});
  EXPECT_EQ(made.file_name, "acme+painter.yaml");
  EXPECT_EQ(made.model.full_name(), "acme/painter");
  EXPECT_EQ(made.model.description, "Paints: everything");
  EXPECT_EQ(made.model.latest().openapi_schema, json::parse(kRich).value());
  EXPECT_EQ(made.model.latest().output, OutputKind::file_list);
  EXPECT_EQ(made.model.sandbox.steps_input, "num_inference_steps");
  EXPECT_EQ(made.model.created_at, kNow);
}

TEST(CatalogImport, MakesAnIdFromTheContentThatStaysTheSame) {
  const auto one = imported(kRich).model.latest().id;
  EXPECT_EQ(one.size(), 64U);
  EXPECT_EQ(imported(kRich).model.latest().id, one);
  EXPECT_NE(imported(kRich, {"acme/other", ""}).model.latest().id, one);
}

TEST(CatalogImport, TakesAVersionAndAModelWithWhatTheySay) {
  const std::string id(64, 'b');
  const std::string version =
      R"({"id":")" + id + R"(","created_at":"2024-01-02T03:04:05.000000Z","cog_version":"0.9.20","openapi_schema":)" +
      kRich + "}";
  const auto from_version = imported(version).model.latest();
  EXPECT_EQ(from_version.id, id);
  EXPECT_EQ(from_version.cog_version, "0.9.20");
  EXPECT_EQ(format_time(from_version.created_at), "2024-01-02T03:04:05.000000Z");

  const auto model =
      imported(R"({"owner":"acme","name":"lens","description":"Looks","run_count":7,"visibility":"private",
    "github_url":"https://github.com/acme/lens","paper_url":null,"created_at":"2023-01-02T03:04:05Z",
    "latest_version":)" +
                   version + "}",
               {"", ""})
          .model;
  EXPECT_EQ(model.full_name(), "acme/lens");
  EXPECT_EQ(model.description, "Looks");
  EXPECT_EQ(model.github_url, "https://github.com/acme/lens");
  EXPECT_EQ(model.latest().id, id);
}

TEST(CatalogImport, TakesNoIdAndNoCogVersionThatTheCatalogCannotHave) {
  const auto made = imported(R"({"id":"hidden","cog_version":"0.3.2","openapi_schema":)" + kRich + "}").model.latest();
  EXPECT_EQ(made.id.size(), 64U);
  EXPECT_EQ(made.cog_version, "0.16.8");
}

TEST(CatalogImport, TellsTheKindOfEveryOutput) {
  const auto kind = [](const std::string& output) {
    return imported(
               document(
                   R"("Input":{"type":"object","properties":{}},"Thing":{"type":"string","format":"uri"},"Output":)" +
                   output))
        .model.latest()
        .output;
  };
  EXPECT_EQ(kind(R"({"type":"string","format":"uri"})"), OutputKind::file);
  EXPECT_EQ(kind(R"({"$ref":"#/components/schemas/Thing"})"), OutputKind::file);
  EXPECT_EQ(kind(R"({"anyOf":[{"type":"string","format":"uri"},{"type":"null"}]})"), OutputKind::file);
  EXPECT_EQ(kind(R"({"type":"array","items":{"$ref":"#/components/schemas/Thing"}})"), OutputKind::file_list);
  EXPECT_EQ(
      kind(
          R"({"type":"array","items":{"type":"string"},"x-cog-array-type":"iterator","x-cog-array-display":"concatenate"})"),
      OutputKind::text_stream);
  EXPECT_EQ(kind(R"({"type":"array","items":{"type":"number"}})"), OutputKind::list);
  EXPECT_EQ(kind(R"({"type":"object","properties":{"a":{"type":"integer"}}})"), OutputKind::value);
  EXPECT_EQ(kind(R"({})"), OutputKind::value);
}

TEST(CatalogImport, SaysWhatIsMissing) {
  EXPECT_THAT(refusal("{"), StartsWith("the file is no JSON: "));
  EXPECT_EQ(refusal("[]"), "the file holds no JSON object");
  EXPECT_THAT(refusal("{}"), StartsWith("the file is neither an OpenAPI document"));
  EXPECT_EQ(refusal(R"({"owner":"a","name":"b","latest_version":null})"),
            "the model in the file has no version: latest_version is empty");
  EXPECT_EQ(refusal(document("")), "components.schemas.Input is missing");
  EXPECT_EQ(refusal(kRich, {"", ""}), "the file does not say how the model is called: give --name OWNER/NAME");
  for (const auto* name : {"painter", "/painter", "acme/", "Acme/painter", "acme/a/b", "../up", "a/b c"}) {
    EXPECT_THAT(refusal(kRich, {name, ""}), HasSubstr("is no name of a model: OWNER/NAME")) << name;
  }
}

TEST(CatalogImport, NamesTheInputThatIsNotUnderstood) {
  const auto with = [](const std::string& property) {
    return refusal(
        document(R"("Input":{"type":"object","properties":{"good":{"type":"string"},"bad":)" + property + "}}"));
  };
  EXPECT_THAT(with(R"({"type":"colour"})"), StartsWith("input 'bad' is not understood: "));
  EXPECT_THAT(with(R"({"$ref":"#/components/schemas/lost"})"),
              HasSubstr("'#/components/schemas/lost' does not resolve"));
  EXPECT_THAT(with(R"({"type":"string","pattern":"("})"), StartsWith("input 'bad' is not understood: "));
  EXPECT_THAT(with(R"({"type":"integer","default":"many"})"),
              HasSubstr("the default does not satisfy its own schema: bad"));
  EXPECT_THAT(refusal(document(R"("Input":{"type":"object"},"Output":{"type":"smell"})")),
              StartsWith("Output is not understood: "));
  EXPECT_EQ(refusal(document(R"("Input":{"type":"object","properties":[]})")), "the properties of Input are no object");
}

}  // namespace
}  // namespace hekto::service
