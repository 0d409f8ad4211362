// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <regex>
#include <tuple>

#include <gtest/gtest.h>

#include "domain/openapi.h"
#include "runners/sandbox/directives.h"
#include "runners/sandbox/image_options.h"
#include "runners/sandbox/inputs.h"
#include "runners/sandbox/progress.h"
#include "runners/sandbox/sample_value.h"
#include "runners/sandbox/steered_text.h"
#include "runners/sandbox/text_reply.h"
#include "tests/support/sample_models.h"

namespace hekto::runners {
namespace {

using domain::Value;
using test::object;

ImageOptions options_of(const domain::Model& model, Value::Object input) {
  const Value value(std::move(input));
  return image_options(Inputs(model.latest(), value));
}

TEST(ImageOptions, HasFluxSizesForEveryAspectRatioAndMegapixels) {
  const auto model = test::flux_model();
  const std::vector<std::tuple<std::string, int, int>> sizes{
      {"1:1", 1024, 1024}, {"16:9", 1344, 768}, {"21:9", 1536, 640}, {"3:2", 1216, 832},
      {"2:3", 832, 1216},  {"4:5", 896, 1088},  {"5:4", 1088, 896},  {"3:4", 896, 1152},
      {"4:3", 1152, 896},  {"9:16", 768, 1344}, {"9:21", 640, 1536}};
  for (const auto& [ratio, width, height] : sizes) {
    const auto full = options_of(model, {{"aspect_ratio", ratio}});
    EXPECT_EQ(full.width, width) << ratio;
    EXPECT_EQ(full.height, height) << ratio;
    const auto quarter = options_of(model, {{"aspect_ratio", ratio}, {"megapixels", "0.25"}});
    EXPECT_EQ(quarter.width, width / 2) << ratio;
    EXPECT_EQ(quarter.height, height / 2) << ratio;
  }
}

TEST(ImageOptions, ComputesRatiosOutsideTheTable) {
  const auto wide = options_of(test::flux_model(), {{"aspect_ratio", "2:1"}});
  EXPECT_EQ(wide.width, 1456);
  EXPECT_EQ(wide.height, 720);
  for (const auto* odd : {"match_input_image", "0:1", "a:b", "1:", ":", "999:1"}) {
    const auto square = options_of(test::flux_model(), {{"aspect_ratio", odd}});
    EXPECT_EQ(square.width, 1024) << odd;
    EXPECT_EQ(square.height, 1024) << odd;
  }
}

TEST(ImageOptions, TakesDefaultsFromTheSchema) {
  const auto flux = options_of(test::flux_model(), {});
  EXPECT_EQ(flux.format, ImageFormat::webp);
  EXPECT_EQ(flux.extension, "webp");
  EXPECT_EQ(flux.quality, 80);
  EXPECT_EQ(flux.count, 1);
  EXPECT_EQ(options_of(test::sdxl_model(), {}).format, ImageFormat::png);
  EXPECT_EQ(options_of(test::flux_model(), {{"output_format", nullptr}}).extension, "webp");
}

TEST(ImageOptions, CutsWidthAndHeightToWhatTheModelDraws) {
  const auto odd = options_of(test::sdxl_model(), {{"width", 769}, {"height", 1030}});
  EXPECT_EQ(odd.width, 768);
  EXPECT_EQ(odd.height, 1024);
  const auto extreme = options_of(test::sdxl_model(), {{"width", -5}, {"height", 1'000'000}});
  EXPECT_EQ(extreme.width, 64);
  EXPECT_EQ(extreme.height, 2048);
}

TEST(Inputs, ReadsAPromptOrTheFirstTextThatIsNoAddress) {
  const auto model = test::make_model("a", "b", domain::OutputKind::text, {}, object({{"type", "string"}}));
  const Value input = object({{"image", "https://example.com/a.png"}, {"n", 3}, {"caption", "hello"}});
  EXPECT_EQ(Inputs(model.latest(), input).prompt(), "hello");
  const auto sdxl = test::sdxl_model();
  const Value empty = object({});
  EXPECT_EQ(Inputs(sdxl.latest(), empty).prompt(), "An astronaut riding a rainbow unicorn");
}

TEST(Inputs, TakesANegativeSeedAsAny) {
  const auto model = test::flux_model();
  const Value negative = object({{"seed", -1}});
  const Value zero = object({{"seed", 0}});
  EXPECT_FALSE(Inputs(model.latest(), negative).seed());
  EXPECT_EQ(Inputs(model.latest(), zero).seed(), 0U);
}

TEST(ProgressLine, IsWrittenAsTqdmWritesIt) {
  EXPECT_EQ(progress_line(0, 4, 0.164), "  0%|          | 0/4 [00:00<?, ?it/s]\n");
  EXPECT_EQ(progress_line(2, 4, 1 / 6.1), " 50%|█████     | 2/4 [00:00<00:00,  6.10it/s]\n");
  EXPECT_EQ(progress_line(1, 3, 2.5), " 33%|███▎      | 1/3 [00:02<00:05,  2.50s/it]\n");
  EXPECT_EQ(progress_line(50, 50, 80), "100%|██████████| 50/50 [1:06:40<00:00, 80.00s/it]\n");
}

TEST(ProgressLine, IsUnderstoodByTheClients) {
  const std::regex client(R"(^\s*(\d+)%\s*\|.+?\|\s*(\d+)\/(\d+))");
  for (int done = 0; done <= 28; ++done) {
    std::smatch match;
    const auto line = progress_line(done, 28, 0.2);
    ASSERT_TRUE(std::regex_search(line, match, client)) << line;
    EXPECT_EQ(std::stoi(match[1]), done * 100 / 28);
    EXPECT_EQ(std::stoi(match[2]), done);
    EXPECT_EQ(std::stoi(match[3]), 28);
  }
}

TEST(Tokenize, GivesPiecesThatJoinToTheText) {
  const std::string text = "Hello, wonderful world!\n  Trường đại học \"quotes\"… 🚀";
  std::string joined;
  for (const auto& token : tokenize(text)) {
    EXPECT_FALSE(token.empty());
    EXPECT_NE(static_cast<unsigned char>(token.front()) & 0xC0, 0x80) << "starts inside a character";
    joined += token;
  }
  EXPECT_EQ(joined, text);
  EXPECT_EQ(tokenize("one two, three"), (std::vector<std::string>{"one", " two", ",", " three"}));
}

TEST(Reply, KeepsToItsTokenLimits) {
  for (const std::size_t most : {1UL, 2UL, 17UL, 100UL, 1000UL}) {
    EXPECT_LE(reply({.model = "a/b", .prompt = "hi", .seed = 3, .max_tokens = most}).size(), most);
  }
  EXPECT_GE(reply({.model = "a/b", .prompt = "hi", .min_tokens = 900, .max_tokens = 2000}).size(), 900U);
  EXPECT_EQ(reply({.model = "a/b", .prompt = "hi", .min_tokens = 900, .max_tokens = 30}).size(), 30U);
}

TEST(Reply, SaysThatItIsTheSandboxAndQuotesThePrompt) {
  std::string text;
  for (const auto& token : reply({.model = "a/b", .prompt = "Tell me\n about \"kites\" {}", .seed = 1})) text += token;
  EXPECT_TRUE(text.starts_with("This is the Hekto sandbox answering in place of a/b; no language model was run."));
  EXPECT_NE(text.find("You asked: \"Tell me about \"kites\" {}\". That is 5 words."), std::string::npos) << text;
}

TEST(Chunk, HoldsOneToThreeTokensEach) {
  const std::vector<std::string> tokens(100, " x");
  std::size_t total = 0;
  for (const auto& part : chunk(tokens, 5)) {
    EXPECT_GE(part.size(), 2U);
    EXPECT_LE(part.size(), 6U);
    total += part.size();
  }
  EXPECT_EQ(total, 200U);
}

domain::Steering read(std::string_view text) {
  domain::Steering steering;
  read_directives(text, steering);
  return steering;
}

TEST(Directives, AreReadOutOfAText) {
  using namespace std::chrono_literals;
  const auto found = read(
      "a [sandbox:fail=out of memory] b [sandbox:delay=250ms][sandbox:fail-after=2] "
      "[sandbox:setup=2s] [sandbox:pause=99h] [sandbox:malformed]");
  EXPECT_EQ(found.fail, "out of memory");
  EXPECT_EQ(found.fail_after, 2U);
  EXPECT_EQ(found.delay, 250ms);
  EXPECT_EQ(found.setup, 2s);
  EXPECT_EQ(found.pause, 10min);
  EXPECT_TRUE(found.malformed);
}

TEST(Directives, IgnoreWhatTheyDoNotKnow) {
  const auto found = read("[sandbox:] [sandbox:dance] [sandbox:delay=soon] [sandbox:fail-after=x] [sandbox:fail");
  EXPECT_FALSE(found.fail);
  EXPECT_FALSE(found.fail_after);
  EXPECT_EQ(found.delay, Duration{});
}

TEST(Directives, StandInAnyTextOfTheInputButNotInTheContentOfAFile) {
  const Value input = object({{"image", "data:text/plain,[sandbox:malformed]"},
                              {"messages", Value(Value::Array{object({{"text", "hi [sandbox:fail=deep]"}})})},
                              {"lyrics", "la [sandbox:items=3]"}});
  const auto found = steering_of(input, "");
  EXPECT_EQ(found.fail, "deep");
  EXPECT_EQ(found.items, 3U);
  EXPECT_FALSE(found.malformed);
}

TEST(Directives, OfTheHeaderWin) {
  const Value input = object({{"prompt", "[sandbox:fail=from the prompt][sandbox:items=3]"}});
  const auto found = steering_of(input, "fail=from the header; hang");
  EXPECT_EQ(found.fail, "from the header");
  EXPECT_EQ(found.hang_after, 0U);
  EXPECT_EQ(found.items, 3U);
}

TEST(SteeredText, HasExactlyTheSizeAndNoHalfCharacters) {
  EXPECT_EQ(fill("ab", 5), "ababa");
  EXPECT_EQ(fill("é", 3), "é.");
  EXPECT_EQ(fill("", 2), "..");
  for (const auto& part : steered_chunks({"Hà Nội, ", "🚀🚀"}, {.items = 7, .large = 1000})) {
    ASSERT_FALSE(part.empty());
    EXPECT_NE(static_cast<unsigned char>(part.front()) & 0xC0, 0x80);
  }
}

TEST(SteeredText, HasAsManyChunksAsAskedForAndElseAnEmptyLastOne) {
  EXPECT_EQ(steered_chunks({"a", "b"}, {}), (std::vector<std::string>{"a", "b", ""}));
  EXPECT_EQ(steered_chunks({"a", "b"}, {.items = 5}), (std::vector<std::string>{"a", "b", "a", "b", "a"}));
  EXPECT_EQ(steered_chunks({"a", "b"}, {.items = 1}), (std::vector<std::string>{"a"}));
  EXPECT_TRUE(steered_chunks({"a"}, {.items = 0}).empty());
  EXPECT_EQ(steered_chunks({"a"}, {.large = 1'000'000}).size(), 61U);
  EXPECT_EQ(steered_chunks({"a"}, {.awkward = true}).size(), awkward_chunks().size() + 1);
}

TEST(SampleValue, FitsTheSchema) {
  const Value root = object(
      {{"components",
        object({{"schemas",
                 object({{"Mood", object({{"type", "string"}, {"enum", Value(Value::Array{"calm", "bright"})}})},
                         {"Output",
                          object({{"type", "object"},
                                  {"properties",
                                   object({{"score", object({{"type", "number"}, {"minimum", 0}, {"maximum", 1}})},
                                           {"count", object({{"type", "integer"}, {"minimum", 3}})},
                                           {"page", test::file_schema()},
                                           {"tags", test::list_schema(object({{"type", "string"}}))},
                                           {"mood", object({{"$ref", "#/components/schemas/Mood"}})}})},
                                  {"required", Value(Value::Array{"score", "mood"})}})}})}})}});
  const auto* output = domain::openapi_schema(root, "Output");
  const auto schema = domain::Schema::compile(*output, root);
  ASSERT_TRUE(schema);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SplitMix random(seed);
    const auto value = sample_value(output, root, {"hello"}, random);
    const auto problems = schema->check(value, "output");
    EXPECT_TRUE(problems.empty()) << domain::problems_to_detail(problems);
    ASSERT_NE(value.find("tags"), nullptr);
    EXPECT_EQ(*value.find("tags")->as_array()->front().as_string(), "hello");
  }
}

TEST(SampleValue, StaysWithinBoundsAndLengths) {
  const Value root;
  const auto check = [&](const Value& schema) {
    const auto compiled = domain::Schema::compile(schema, root);
    ASSERT_TRUE(compiled);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SplitMix random(seed);
      const auto problems = compiled->check(sample_value(&schema, root, {"trời ơi"}, random), "output");
      EXPECT_TRUE(problems.empty()) << domain::problems_to_detail(problems);
    }
  };
  check(object({{"type", "integer"}, {"minimum", -9}, {"maximum", -7}}));
  check(object({{"type", "integer"}, {"maximum", -100}}));
  check(object({{"type", "integer"}, {"minimum", 3}, {"maximum", 9}, {"multipleOf", 4}}));
  check(object({{"type", "number"}, {"minimum", 1.5}}));
  check(object({{"type", "number"}, {"maximum", -2.5}}));
  check(object({{"type", "string"}, {"minLength", 20}}));
  check(object({{"type", "string"}, {"maxLength", 4}}));
  check(object({{"type", "array"}, {"minItems", 4}, {"items", object({{"type", "boolean"}})}}));
}

TEST(SampleValue, HasTheNumbersAndFilesAskedForAndPrefersValuesToNull) {
  const Value root;
  SplitMix random(1);
  const Value schema = object(
      {{"type", "object"},
       {"properties", object({{"embedding", test::list_schema(object({{"type", "number"}}))},
                              {"page", test::file_schema()},
                              {"text", object({{"anyOf", Value(Value::Array{object({{"type", "null"}}),
                                                                            object({{"type", "string"}})})}})}})}});
  const auto value = sample_value(&schema, root, {"hello", "data:,x", 384}, random);
  EXPECT_EQ(value.find("embedding")->as_array()->size(), 384U);
  EXPECT_EQ(*value.find("page")->as_string(), "data:,x");
  EXPECT_EQ(*value.find("text")->as_string(), "hello");
}

TEST(SampleValue, EndsOnASchemaThatRefersToItself) {
  const Value root = object(
      {{"node", object({{"type", "object"}, {"properties", object({{"next", object({{"$ref", "#/node"}})}})}})}});
  SplitMix random(1);
  EXPECT_NE(sample_value(root.find("node"), root, {"x"}, random).as_object(), nullptr);
  const Value loop = object({{"a", object({{"$ref", "#/a"}})}});
  EXPECT_EQ(sample_value(loop.find("a"), loop, {"x"}, random), Value("x"));
}

}  // namespace
}  // namespace hekto::runners
