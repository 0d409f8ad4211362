// SPDX-License-Identifier: Apache-2.0
#include "service/catalog_loader.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/output_media.h"
#include "json/value_json.h"

namespace hekto::service {
namespace {

using domain::OutputKind;
using domain::Value;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view kSmall = R"(owner: acme
name: shapes
created_at: 2024-01-02T03:04:05Z
version:
  input:
    required: [shape]
    properties:
      shape: {type: string, description: What to draw}
      size: {type: string, default: "1", enum: ["1", "2"]}
      count: {type: integer, default: 3, minimum: 1, maximum: 4}
  output: file_list
sandbox: {seconds: 0.5, steps_input: count}
)";

/// kSmall with `from` replaced by `to`.
std::string changed(std::string_view from, std::string_view to) {
  std::string text(kSmall);
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

domain::Model load(std::string_view yaml) {
  auto model = load_model_yaml(yaml, "m.yaml");
  EXPECT_TRUE(model) << model.error().message;
  return model ? *std::move(model) : domain::Model{};
}

std::string error_of(const std::string& yaml) {
  const auto model = load_model_yaml(yaml, "m.yaml");
  if (model) return "";
  EXPECT_EQ(model.error().code, ErrorCode::invalid_input);
  return model.error().message;
}

std::string detail(const domain::Model& model, std::string_view input) {
  return domain::problems_to_detail(model.latest().input.check(json::parse(input).value(), "input"));
}

/// The JSON text of a part of the model's document, found by the names on the way.
std::string part(const domain::Model& model, std::initializer_list<std::string_view> path) {
  const Value* at = &model.latest().openapi_schema;
  for (const auto name : path) {
    at = at->find(name);
    if (at == nullptr) return "absent";
  }
  return json::dump(*at);
}

class TempFolder {
 public:
  TempFolder() : path_((std::filesystem::temp_directory_path() / "hekto-catalog-XXXXXX").string()) {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    const auto file = std::filesystem::path(path_) / name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  std::filesystem::path path() const { return path_; }

 private:
  std::string path_;
};

TEST(LoadModel, ReadsEveryMemberOfTheCompactForm) {
  const auto model = load(R"(owner: acme
name: shapes-2.x
description: Draws
visibility: private
official: true
github_url: https://a.example/g
paper_url: https://a.example/p
license_url: https://a.example/l
cover_image_url: https://a.example/c.png
run_count: 12
created_at: 2024-01-02T03:04:05Z
version:
  id: 39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b
  created_at: 2024-02-02T00:00:00Z
  cog_version: 0.9.20
  input: {properties: {steps: {type: integer, default: 2}}}
  output: text_stream
sandbox: {seconds: 1.5, setup_seconds: 2, steps_input: steps, steps: 7, tokens_per_second: 9.5}
)");
  EXPECT_EQ(model.full_name(), "acme/shapes-2.x");
  EXPECT_EQ(model.description, "Draws");
  EXPECT_EQ(model.visibility, "private");
  EXPECT_TRUE(model.official);
  EXPECT_EQ(model.github_url, "https://a.example/g");
  EXPECT_EQ(model.paper_url, "https://a.example/p");
  EXPECT_EQ(model.license_url, "https://a.example/l");
  EXPECT_EQ(model.cover_image_url, "https://a.example/c.png");
  EXPECT_EQ(model.run_count, 12);
  EXPECT_EQ(format_time(model.created_at), "2024-01-02T03:04:05.000000Z");
  ASSERT_EQ(model.versions.size(), 1U);
  EXPECT_EQ(model.latest().id, "39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b");
  EXPECT_EQ(format_time(model.latest().created_at), "2024-02-02T00:00:00.000000Z");
  EXPECT_EQ(model.latest().cog_version, "0.9.20");
  EXPECT_EQ(model.latest().output, OutputKind::text_stream);
  EXPECT_EQ(model.sandbox.seconds, 1.5);
  EXPECT_EQ(model.sandbox.setup_seconds, 2);
  EXPECT_EQ(model.sandbox.steps_input, "steps");
  EXPECT_EQ(model.sandbox.steps, 7);
  EXPECT_EQ(model.sandbox.tokens_per_second, 9.5);
}

TEST(LoadModel, BuildsTheDocumentThatCogPublishes) {
  const auto model = load(kSmall);
  EXPECT_EQ(part(model, {"openapi"}), R"("3.0.2")");
  EXPECT_EQ(part(model, {"info"}), R"({"title":"Cog","version":"0.1.0"})");
  EXPECT_EQ(part(model, {"components", "schemas", "Input"}),
            R"({"type":"object","title":"Input","required":["shape"],"properties":{)"
            R"("shape":{"type":"string","title":"Shape","x-order":0,"description":"What to draw"},)"
            R"("size":{"allOf":[{"$ref":"#/components/schemas/size"}],"default":"1","x-order":1},)"
            R"("count":{"type":"integer","title":"Count","default":3,"minimum":1,"maximum":4,"x-order":2}}})");
  EXPECT_EQ(part(model, {"components", "schemas", "size"}),
            R"({"enum":["1","2"],"type":"string","title":"size","description":"An enumeration."})");
  EXPECT_EQ(part(model, {"components", "schemas", "Output"}),
            R"({"type":"array","items":{"type":"string","format":"uri"},"title":"Output"})");
  for (const char* name : {"Status", "WebhookEvent", "PredictionRequest", "PredictionResponse", "ValidationError",
                           "HTTPValidationError"}) {
    EXPECT_NE(part(model, {"components", "schemas", name}), "absent") << name;
  }
  for (const char* path : {"/", "/health-check", "/predictions", "/predictions/{prediction_id}/cancel"}) {
    EXPECT_NE(part(model, {"paths", path}), "absent") << path;
  }
  // Every reference in the document can be followed.
  EXPECT_TRUE(domain::Schema::compile(
      *model.latest().openapi_schema.find("components")->find("schemas")->find("PredictionResponse"),
      model.latest().openapi_schema));
}

TEST(LoadModel, TitlesInputsAsCogDoes) {
  const auto model = load(changed("count: {", "hf_lora2_x: {type: string, format: password}\n      count: {"));
  EXPECT_EQ(part(model, {"components", "schemas", "Input", "properties", "hf_lora2_x"}),
            R"({"type":"string","title":"Hf Lora2 X","format":"password","writeOnly":true,"x-cog-secret":true,)"
            R"("x-order":2})");
}

TEST(LoadModel, NamesAVersionWithoutIdByItsContent) {
  const auto id = load(kSmall).latest().id;
  EXPECT_EQ(id.size(), 64U);
  EXPECT_EQ(load(changed("seconds: 0.5", "seconds: 3")).latest().id, id);
  EXPECT_NE(load(changed("maximum: 4", "maximum: 5")).latest().id, id);
  EXPECT_NE(load(changed("name: shapes", "name: forms")).latest().id, id);
}

TEST(LoadModel, KnowsEveryKindOfOutput) {
  const std::pair<const char*, OutputKind> words[] = {
      {"file", OutputKind::file},
      {"file_list", OutputKind::file_list},
      {"text", OutputKind::text},
      {"text_stream", OutputKind::text_stream},
      {"list", OutputKind::list},
      {"value", OutputKind::value},
      {"{type: object, properties: {a: {type: string}}}", OutputKind::value},
      {"{type: array, items: {type: string, format: uri}, x-cog-array-type: iterator}", OutputKind::file_list},
  };
  for (const auto& [word, kind] : words) {
    EXPECT_EQ(load(changed("output: file_list", std::string("output: ") + word)).latest().output, kind) << word;
  }
  EXPECT_EQ(part(load(changed("file_list", "text_stream")), {"components", "schemas", "Output"}),
            R"({"type":"array","items":{"type":"string"},"title":"Output",)"
            R"("x-cog-array-type":"iterator","x-cog-array-display":"concatenate"})");
}

TEST(LoadModel, TakesAWholeDocument) {
  const auto model = load(R"(owner: acme
name: raw
created_at: 2024-01-01
version:
  openapi_schema:
    openapi: 3.0.2
    components:
      schemas:
        Input: {type: object, properties: {mode: {$ref: "#/components/schemas/mode"}}}
        Output: {type: string, format: uri}
        mode: {type: string, enum: [a, b]}
)");
  EXPECT_EQ(model.latest().output, OutputKind::file);
  EXPECT_EQ(detail(model, R"({"mode":"c"})"), "- input.mode: mode must be one of the following: \"a\", \"b\"\n");
}

TEST(LoadModel, ReadsSeveralVersionsNewestFirst) {
  const auto model = load(R"(owner: acme
name: two
created_at: 2024-01-01
versions:
  - {input: {properties: {a: {type: string}}}, output: text}
  - {input: {properties: {b: {type: string}}}, output: file}
)");
  ASSERT_EQ(model.versions.size(), 2U);
  EXPECT_EQ(model.latest().output, OutputKind::text);
}

TEST(LoadModel, ReadsPlainScalarsAsJsonWould) {
  const auto model =
      load(changed("count: {", "x: {enum: [1, -2.5, true, null, yes, 1:1, 007, 1_0, \"1\", ~x, 1e2]}\n      count: {"));
  EXPECT_EQ(part(model, {"components", "schemas", "x", "enum"}),
            R"([1,-2.5,true,null,"yes","1:1","007","1_0","1","~x",100])");
}

TEST(LoadModel, NamesTheFileAndTheLineOfWhatIsWrong) {
  EXPECT_EQ(error_of(changed("output: file_list", "ouput: file_list")), "m.yaml:11: unknown key 'ouput' in 'version'");
  EXPECT_EQ(error_of(changed("maximum: 4", "maxmum: 4")), "m.yaml:10: unknown key 'maxmum' in input 'count'");
  EXPECT_EQ(error_of(changed("sandbox: {seconds: 0.5,", "sandbox: {second: 0.5,")),
            "m.yaml:12: unknown key 'second' in 'sandbox'");
  EXPECT_EQ(error_of("licence: x\n" + std::string(kSmall)), "m.yaml:1: unknown key 'licence' in the file");
  EXPECT_EQ(error_of(changed("name: shapes", "owner: again")), "m.yaml:2: 'owner' stands twice in the file");
  EXPECT_THAT(error_of("owner: [\n"), StartsWith("m.yaml:2: "));
  EXPECT_THAT(error_of("a: b\n---\nc: d\n"), HasSubstr("not 2"));
  EXPECT_THAT(error_of(""), StartsWith("m.yaml:1: "));
  EXPECT_THAT(error_of("- a\n"), StartsWith("m.yaml:1: the file is not a mapping"));
}

TEST(LoadModel, RefusesValuesThatBreakARule) {
  const std::pair<std::string, const char*> cases[] = {
      {changed("owner: acme\n", ""), "'owner' is missing"},
      {changed("owner: acme", "owner: Acme/x"), "'owner' holds more than"},
      {changed("name: shapes", "name: [a]"), "'name' is not a text"},
      {changed("created_at: 2024-01-02T03:04:05Z\n", ""), "'created_at' is missing"},
      {changed("2024-01-02T03:04:05Z", "soon"), "m.yaml:3: 'created_at'"},
      {changed("name: shapes", "name: shapes\nvisibility: secret"), "neither public nor private"},
      {changed("name: shapes", "name: shapes\nofficial: yes"), "neither true nor false"},
      {changed("name: shapes", "name: shapes\nrun_count: -1"), "whole number of at least 0"},
      {changed("version:", "versions:"), "is not a list"},
      {changed("seconds: 0.5", "seconds: fast"), "not a number of at least 0"},
      {changed("steps_input: count", "steps_input: steps"), "names something that is no input"},
      {changed("required: [shape]", "required: [form]"), "names something that is no input"},
      {changed("required: [shape]", "required: shape"), "not a list of inputs"},
      {changed("output: file_list", "output: files"), "'output' is none of"},
      {changed("  output: file_list\n", ""), "'output' is missing"},
      {changed("output: file_list", "output: text\n  openapi_schema: {}"), "give one or the other"},
      {changed("output: file_list", "output: text\n  id: abc"), "64 lower-case hexadecimal digits"},
      {changed("output: file_list", "output: text\n  cog_version: 0.3.8"), "at least 0.3.9"},
      {changed("output: file_list", "output: text\n  cog_version: new"), "at least 0.3.9"},
      {changed("size: {", "Status: {"), "an enum cannot be called 'Status'"},
      {changed("type: integer", "type: int"), "'type' names no JSON type"},
      {changed("default: 3", "default: 7"), "count: Must be less than or equal to 4"},
      {changed("default: \"1\"", "default: 1"), "size: Invalid type. Expected: string, given: integer"},
      {changed("[\"1\", \"2\"]", "[\"1\", 2]"), "an enum value is not of its type"},
      {changed("type: string, description", "type: string, pattern: \"(\", description"),
       "no usable regular expression"},
  };
  for (const auto& [yaml, why] : cases) EXPECT_THAT(error_of(yaml), HasSubstr(why));
}

TEST(LoadModel, RefusesAFileThatStandsForAnEndlessOne) {
  std::string aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    aliases += "      a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) aliases += ", " + before;
    aliases += "]\n";
  }
  EXPECT_THAT(error_of("owner: a\nname: b\ncreated_at: 2024-01-01\nversion:\n  openapi_schema:\n      " + aliases),
              HasSubstr("too many values"));
  EXPECT_THAT(error_of("owner: a\nname: b\ncreated_at: 2024-01-01\nversion:\n  openapi_schema: &x\n    y: *x\n"),
              StartsWith("m.yaml:"));
}

TEST(BuiltinModels, HoldOneOfEachKindOfOutput) {
  const auto catalog = load_catalog({});
  ASSERT_TRUE(catalog) << catalog.error().message;
  const std::map<std::string, std::pair<OutputKind, domain::Media>> expected{
      {"851-labs/background-remover", {OutputKind::file, domain::Media::cutout}},
      {"adirik/grounding-dino", {OutputKind::value, domain::Media::image}},
      {"andreasjansson/clip-features", {OutputKind::list, domain::Media::image}},
      {"black-forest-labs/flux-schnell", {OutputKind::file_list, domain::Media::image}},
      {"jaaari/kokoro-82m", {OutputKind::file, domain::Media::speech}},
      {"lucataco/flux-schnell-lora", {OutputKind::file_list, domain::Media::image}},
      {"meta/meta-llama-3-8b-instruct", {OutputKind::text_stream, domain::Media::image}},
      {"meta/musicgen", {OutputKind::file, domain::Media::music}},
      {"methexis-inc/img2aestheticscore", {OutputKind::value, domain::Media::image}},
      {"minimax/speech-02-turbo", {OutputKind::file, domain::Media::speech}},
      {"nightmareai/real-esrgan", {OutputKind::file, domain::Media::image}},
      {"openai/whisper", {OutputKind::value, domain::Media::image}},
      {"ostris/flux-dev-lora-trainer", {OutputKind::file_list, domain::Media::image}},
      {"salesforce/blip", {OutputKind::text, domain::Media::image}},
      {"stability-ai/sdxl", {OutputKind::file_list, domain::Media::image}},
      {"wan-video/wan-2.1-1.3b", {OutputKind::file, domain::Media::video}},
  };
  for (const auto& [name, model] : catalog->models()) {
    ASSERT_TRUE(expected.contains(name)) << name;
    const auto& [output, media] = expected.at(name);
    EXPECT_EQ(model.latest().output, output) << name;
    if (output == OutputKind::file || output == OutputKind::file_list) {
      EXPECT_EQ(domain::output_media(model, model.latest()), media) << name;
    }
  }
  EXPECT_EQ(catalog->models().size(), expected.size());
  EXPECT_EQ(catalog->find_version("2a6b576af31790b470f0a8442e1e9791213fa13799cbb65a9fc1436e96389574").first->name,
            "flux-schnell-lora");
  EXPECT_EQ(catalog->find_version("39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b").first->name,
            "sdxl");
  EXPECT_EQ(catalog->find("meta", "meta-llama-3-8b-instruct")->latest().output, OutputKind::text_stream);
  EXPECT_EQ(catalog->find("stability-ai", "sdxl")->latest().output, OutputKind::file_list);
}

TEST(BuiltinModels, CanBeTrainedWhereTheyAreTrainers) {
  const auto catalog = load_catalog({});
  ASSERT_TRUE(catalog);
  const auto problems = [&](const char* owner, const char* name, std::string_view input) {
    return domain::problems_to_detail(
        catalog->find(owner, name)->latest().training.value().check(json::parse(input).value(), "input"));
  };
  EXPECT_THAT(problems("ostris", "flux-dev-lora-trainer",
                       R"({"input_images":"https://a.example/a.zip","trigger_word":"TOK","steps":1000,"lora_rank":16,
                           "optimizer":"adamw8bit","batch_size":1,"resolution":"512,768,1024","autocaption":true,
                           "learning_rate":0.0004,"wandb_project":"flux_train_replicate"})"),
              IsEmpty());
  EXPECT_EQ(problems("ostris", "flux-dev-lora-trainer", R"({"steps":1})"),
            "- input: input_images is required\n- input.steps: Must be greater than or equal to 3\n");
  EXPECT_THAT(problems("stability-ai", "sdxl",
                       R"({"input_images":"https://a.example/a.zip","use_face_detection_instead":true})"),
              IsEmpty());
  EXPECT_FALSE(catalog->find("black-forest-labs", "flux-schnell")->latest().training);
}

TEST(LoadModel, ReadsTheInputsOfTrainings) {
  const auto trainable = [](const std::string& training) {
    return changed("output: file_list", "output: file_list\n" + training);
  };
  const auto model =
      load(trainable("  training:\n    required: [images]\n    properties:\n      images: {type: string, format: uri}\n"
                     "      size: {type: string, default: \"2\", enum: [\"1\", \"2\"]}"));
  const auto& version = model.latest();
  ASSERT_TRUE(version.training);
  EXPECT_EQ(domain::problems_to_detail(version.training->check(json::parse(R"({"size":"3"})").value(), "input")),
            "- input: images is required\n- input.size: size must be one of the following: \"1\", \"2\"\n");
  const auto* schemas = version.openapi_schema.find("components")->find("schemas");
  EXPECT_NE(schemas->find("TrainingInput"), nullptr);
  EXPECT_EQ(schemas->find("TrainingOutput")->find("properties")->find("weights")->text_of("format"), "uri");
  EXPECT_EQ(load(kSmall).latest().openapi_schema.find("components")->find("schemas")->find("TrainingInput"), nullptr);

  EXPECT_THAT(error_of(trainable("  training: {properties: {size: {type: string, enum: [\"1\"]}}}")),
              HasSubstr("an enum cannot be called 'size'"));
  EXPECT_THAT(error_of(trainable("  training: {required: [x], properties: {}}")), HasSubstr("names something"));
  EXPECT_THAT(error_of(trainable("  training: {}")), HasSubstr("'properties' is missing"));
  EXPECT_THAT(error_of(trainable("  training: {properties: {n: {type: integer, default: x}}}")),
              HasSubstr("the default does not satisfy its own schema"));
}

TEST(BuiltinModels, AcceptTheRequestsOfTheGuide) {
  const auto catalog = load_catalog({});
  ASSERT_TRUE(catalog);
  EXPECT_THAT(detail(*catalog->find("lucataco", "flux-schnell-lora"),
                     R"({"prompt":"a beautiful castle frstingln illustration","hf_lora":"alvdansen/frosting_lane_flux",
                         "lora_scale":0.8,"num_outputs":1,"aspect_ratio":"1:1","output_format":"webp",
                         "output_quality":80,"prompt_strength":0.8,"num_inference_steps":4})"),
              IsEmpty());
  EXPECT_THAT(detail(*catalog->find("stability-ai", "sdxl"), "{}"), IsEmpty());
  EXPECT_THAT(detail(*catalog->find("meta", "meta-llama-3-8b-instruct"), R"({"prompt":"hi","temperature":1})"),
              IsEmpty());
  EXPECT_THAT(detail(*catalog->find("black-forest-labs", "flux-schnell"),
                     R"({"prompt":"a red kite","num_outputs":2,"output_format":"png"})"),
              IsEmpty());
}

TEST(BuiltinModels, RefuseInputInTheOfficialWords) {
  const auto catalog = load_catalog({});
  ASSERT_TRUE(catalog);
  EXPECT_EQ(detail(*catalog->find("black-forest-labs", "flux-schnell"),
                   R"({"num_inference_steps":50,"output_format":"gif","guidance_scale":3,"megapixels":1})"),
            "- input: prompt is required\n"
            "- input.num_inference_steps: Must be less than or equal to 4\n"
            "- input.output_format: output_format must be one of the following: \"webp\", \"jpg\", \"png\"\n"
            "- input.megapixels: Invalid type. Expected: string, given: integer\n");
  EXPECT_EQ(detail(*catalog->find("lucataco", "flux-schnell-lora"), R"({"prompt":"x","image":""})"),
            "- input.image: Does not match format 'uri'\n");
}

TEST(LoadCatalog, OverlaysBuiltInModelsWithFilesAndFolders) {
  const TempFolder folder;
  folder.write("b.yaml", changed("owner: acme", "owner: acme\ndescription: from b"));
  folder.write("a.yaml", changed("owner: acme", "owner: acme\ndescription: from a"));
  folder.write("notes.txt", "not a model");
  const TempFolder other;
  const auto file = other.write("sdxl.yml", changed("owner: acme\nname: shapes", "owner: stability-ai\nname: sdxl"));
  const auto catalog = load_catalog({folder.path(), file});
  ASSERT_TRUE(catalog) << catalog.error().message;
  EXPECT_EQ(catalog->models().size(), load_catalog({})->models().size() + 1);
  EXPECT_EQ(catalog->find("acme", "shapes")->description, "from b");
  EXPECT_NE(
      catalog->find("stability-ai", "sdxl")->latest().openapi_schema.find("components")->find("schemas")->find("size"),
      nullptr);
}

TEST(LoadCatalog, TellsWhichPathIsWrong) {
  const TempFolder folder;
  const auto missing = load_catalog({folder.path() / "none.yaml"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(missing.error().message, HasSubstr("none.yaml: cannot be read"));

  const auto file = folder.write("bad.yaml", "owner: 1\nnme: x\n");
  const auto wrong = load_catalog({folder.path()});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, file.string() + ":2: unknown key 'nme' in the file");
}

TEST(LoadCatalog, RefusesOneVersionIdForTwoModels) {
  const TempFolder folder;
  const std::string id = "\n  id: 39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b";
  folder.write("a.yaml", changed("output: file_list", "output: file_list" + id));
  const auto catalog = load_catalog({folder.path()});
  ASSERT_FALSE(catalog);
  EXPECT_THAT(catalog.error().message, HasSubstr("belongs to both acme/shapes and stability-ai/sdxl"));
}

}  // namespace
}  // namespace hekto::service
