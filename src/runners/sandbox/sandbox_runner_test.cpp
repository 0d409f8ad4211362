// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/sandbox_runner.h"

#include <chrono>
#include <future>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "json/value_json.h"
#include "runners/sandbox/gd_image.h"
#include "tests/support/recording_sink.h"
#include "tests/support/sample_models.h"

namespace hekto::runners {
namespace {

using namespace std::chrono_literals;
using domain::OutputKind;
using domain::Value;
using ports::RunFailed;
using ports::RunInterrupted;
using ports::RunOutcome;
using ports::RunSucceeded;
using test::object;
using test::RecordingSink;

class SandboxRunnerTest : public testing::Test {
 protected:
  static ports::RunRequest request(const domain::Model& model, Value::Object input, std::string id = "prediction") {
    ports::RunRequest out;
    out.prediction_id = std::move(id);
    out.model = &model;
    out.version = &model.latest();
    out.input = Value(std::move(input));
    return out;
  }
  RunOutcome run(ports::RunRequest request, RecordingSink& sink, double speed = 0) {
    SandboxRunner runner(pool_, {.speed = speed});
    return test::run_to_end(runner, std::move(request), sink);
  }
  RecordingSink succeed(ports::RunRequest request) {
    RecordingSink sink;
    const auto outcome = run(std::move(request), sink);
    EXPECT_TRUE(std::holds_alternative<RunSucceeded>(outcome)) << sink.logs();
    return sink;
  }
  static Value metrics_of(const RunOutcome& outcome) {
    return json::parse("{" + std::get<RunSucceeded>(outcome).metrics + "}").value();
  }
  static std::string joined(const RecordingSink& sink) {
    std::string text;
    for (const auto& item : sink.items) text += *json::parse(item.json).value().as_string();
    return text;
  }

  async::BlockingPool pool_{2};
};

// The size that a file's own header names, read without a decoder: what a browser lays out a page by.
std::pair<int, int> png_size(const std::string& bytes) {
  const auto number = [&](std::size_t at) {
    int value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes.at(at + i));
    return value;
  };
  return {number(16), number(20)};
}

TEST_F(SandboxRunnerTest, DrawsEveryAspectRatioInEveryFormat) {
  const auto model = test::flux_model();
  const std::vector<std::tuple<std::string, int, int>> sizes{{"1:1", 512, 512},  {"16:9", 672, 384}, {"21:9", 768, 320},
                                                             {"3:2", 608, 416},  {"2:3", 416, 608},  {"4:5", 448, 544},
                                                             {"5:4", 544, 448},  {"3:4", 448, 576},  {"4:3", 576, 448},
                                                             {"9:16", 384, 672}, {"9:21", 320, 768}};
  for (const auto& [ratio, width, height] : sizes) {
    for (const auto& [format, type] : {std::pair{"webp", "image/webp"}, {"jpg", "image/jpeg"}, {"png", "image/png"}}) {
      const auto sink = succeed(request(
          model, {{"prompt", "a kite"}, {"aspect_ratio", ratio}, {"megapixels", "0.25"}, {"output_format", format}}));
      ASSERT_EQ(sink.items.size(), 1U);
      ASSERT_TRUE(sink.items[0].file);
      const auto& file = *sink.items[0].file;
      EXPECT_EQ(file.name, std::string("out-0.") + format);
      EXPECT_EQ(file.content_type, type);
      void* data = const_cast<char*>(file.bytes.data());
      const int bytes = static_cast<int>(file.bytes.size());
      const Image image(file.content_type == "image/webp"   ? gdImageCreateFromWebpPtr(bytes, data)
                        : file.content_type == "image/jpeg" ? gdImageCreateFromJpegPtr(bytes, data)
                                                            : gdImageCreateFromPngPtr(bytes, data));
      ASSERT_NE(image, nullptr) << ratio << " " << format;
      EXPECT_EQ(gdImageSX(image.get()), width) << ratio;
      EXPECT_EQ(gdImageSY(image.get()), height) << ratio;
    }
  }
}

TEST_F(SandboxRunnerTest, DrawsAsManyImagesAsAskedFor) {
  const auto model = test::sdxl_model();
  RecordingSink sink;
  const auto outcome = run(request(model, {{"num_outputs", 3}, {"width", 200}, {"height", 136}}), sink);
  ASSERT_EQ(sink.items.size(), 3U);
  std::set<std::string> different;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sink.items[i].index, i);
    EXPECT_TRUE(sink.items[i].list);
    EXPECT_EQ(sink.items[i].file->name, "out-" + std::to_string(i) + ".png");
    EXPECT_EQ(png_size(sink.items[i].file->bytes), std::pair(200, 136));
    different.insert(sink.items[i].file->bytes);
  }
  EXPECT_EQ(different.size(), 3U);
  EXPECT_EQ(metrics_of(outcome), object({{"image_output_count", 3}}));
}

TEST_F(SandboxRunnerTest, GivesASingleFileAsTheValue) {
  const auto model = test::make_model("a", "upscaler", OutputKind::file, {{"width", test::property("integer", 128)}},
                                      test::file_schema());
  const auto sink = succeed(request(model, {}));
  ASSERT_EQ(sink.items.size(), 1U);
  EXPECT_FALSE(sink.items[0].list);
  EXPECT_TRUE(sink.items[0].file);
}

TEST_F(SandboxRunnerTest, MakesTheSameBytesForTheSameSeed) {
  const auto model = test::flux_model();
  const auto bytes = [&](Value::Object extra, std::string id) {
    extra.emplace_back("prompt", "a kite");
    extra.emplace_back("megapixels", "0.25");
    return succeed(request(model, std::move(extra), std::move(id))).items.at(0).file->bytes;
  };
  const auto first = bytes({{"seed", 42}}, "one");
  EXPECT_EQ(bytes({{"seed", 42}}, "two"), first);
  EXPECT_NE(bytes({{"seed", 43}}, "one"), first);
  const auto unseeded = bytes({}, "one");
  EXPECT_EQ(bytes({}, "one"), unseeded) << "a repeated attempt must make the same bytes";
  EXPECT_NE(bytes({}, "two"), unseeded);
}

TEST_F(SandboxRunnerTest, LogsThatItIsNotTheModelThenTheSeedThenTheProgress) {
  const auto model = test::flux_model();
  const auto sink = succeed(request(model, {{"prompt", "a kite"}, {"seed", 4242}, {"megapixels", "0.25"}}));
  EXPECT_EQ(sink.starts, 1U);
  EXPECT_FALSE(sink.before_start);
  std::istringstream logs(sink.logs());
  std::string line;
  std::getline(logs, line);
  EXPECT_EQ(line,
            "sandbox: this is the Hekto sandbox in place of black-forest-labs/flux-schnell; the model itself was "
            "not run");
  std::getline(logs, line);
  EXPECT_EQ(line, "Using seed: 4242");
  const std::regex client(R"(^\s*(\d+)%\s*\|.+?\|\s*(\d+)\/(\d+))");
  for (int step = 0; step <= 4; ++step) {
    std::getline(logs, line);
    std::smatch match;
    ASSERT_TRUE(std::regex_search(line, match, client)) << line;
    EXPECT_EQ(std::stoi(match[2]), step);
    EXPECT_EQ(std::stoi(match[3]), 4);
  }
}

TEST_F(SandboxRunnerTest, HasAStepForEachStepAskedForButBoundsTheLines) {
  const auto model = test::sdxl_model();
  const auto lines = [&](int steps) {
    return succeed(request(model, {{"num_inference_steps", steps}, {"width", 64}, {"height", 64}})).log_calls.size();
  };
  EXPECT_EQ(lines(20) + 30, lines(50));
  EXPECT_LT(lines(100'000), 110U);
}

TEST_F(SandboxRunnerTest, SaysWhenAnEarlierAttemptWasInterrupted) {
  const auto model = test::language_model();
  auto again = request(model, {{"prompt", "hi"}});
  EXPECT_EQ(succeed(again).logs().find("attempt"), std::string::npos);
  again.attempt = 2;
  EXPECT_NE(succeed(again).logs().find("sandbox: attempt 2; the attempt before it was interrupted\n"),
            std::string::npos);
}

TEST_F(SandboxRunnerTest, LeavesOutItemsThatAreThereAlready) {
  const auto model = test::sdxl_model();
  auto all = request(model, {{"num_outputs", 3}, {"width", 64}, {"height", 64}});
  const auto whole = succeed(all);
  all.items_done = 2;
  const auto rest = succeed(all);
  ASSERT_EQ(rest.items.size(), 1U);
  EXPECT_EQ(rest.items[0].index, 2U);
  EXPECT_EQ(rest.items[0].file->bytes, whole.items[2].file->bytes);
}

TEST_F(SandboxRunnerTest, StreamsTextInChunksThatEndWithAnEmptyOne) {
  const auto model = test::language_model();
  RecordingSink sink;
  const auto outcome = run(request(model, {{"prompt", "Viết một bài thơ về \"Hà Nội\""}, {"seed", 1}}), sink);
  const auto text = joined(sink);
  EXPECT_TRUE(text.starts_with("This is the Hekto sandbox answering in place of meta/meta-llama-3-8b-instruct;"));
  EXPECT_NE(text.find("Viết một bài thơ về \"Hà Nội\""), std::string::npos) << text;
  EXPECT_EQ(sink.items.back().json, "\"\"");
  EXPECT_GT(sink.items.size(), 20U);
  for (std::size_t i = 0; i < sink.items.size(); ++i) {
    EXPECT_EQ(sink.items[i].index, i);
    EXPECT_TRUE(sink.items[i].list);
  }
  const auto metrics = metrics_of(outcome);
  ASSERT_NE(metrics.find("output_token_count"), nullptr);
  EXPECT_NE(metrics.find("input_token_count")->as_int(), nullptr);
  EXPECT_NE(metrics.find("output_token_count")->as_int(), nullptr);
  EXPECT_GT(metrics.find("time_to_first_token")->number(), 0);
  EXPECT_GT(metrics.find("tokens_per_second")->number(), 0);
}

TEST_F(SandboxRunnerTest, StreamsNoMoreThanMaxTokens) {
  const auto model = test::language_model();
  for (const auto* name : {"max_tokens", "max_new_tokens"}) {
    auto limited = model;
    if (std::string_view(name) == "max_new_tokens") {
      limited =
          test::make_model("a", "b", OutputKind::text_stream, {}, test::list_schema(object({{"type", "string"}})));
    }
    RecordingSink sink;
    const auto outcome = run(request(limited, {{"prompt", "hi"}, {name, 7}}), sink);
    EXPECT_EQ(*metrics_of(outcome).find("output_token_count"), Value(7)) << name;
    EXPECT_LE(sink.items.size(), 8U);
    EXPECT_EQ(joined(sink), "This is the Hekto sandbox answering") << name;
  }
}

TEST_F(SandboxRunnerTest, GoesOnWithATextWhereAnEarlierAttemptStopped) {
  const auto model = test::language_model();
  auto again = request(model, {{"prompt", "hi"}});
  const auto whole = succeed(again);
  again.items_done = 5;
  const auto rest = succeed(again);
  EXPECT_EQ(rest.items.front().index, 5U);
  ASSERT_EQ(rest.items.size(), whole.items.size() - 5);
  EXPECT_EQ(rest.items.front().json, whole.items[5].json);
}

TEST_F(SandboxRunnerTest, FitsTheOutputSchemaOfOtherModels) {
  const auto whole = test::make_model("a", "caption", OutputKind::text, {}, object({{"type", "string"}}));
  const auto text = succeed(request(whole, {{"prompt", "hi"}}));
  ASSERT_EQ(text.items.size(), 1U);
  EXPECT_FALSE(text.items[0].list);
  EXPECT_TRUE(joined(text).starts_with("This is the Hekto sandbox"));

  const auto scores =
      test::make_model("a", "scores", OutputKind::list, {}, test::list_schema(object({{"type", "number"}})));
  const auto list = succeed(request(scores, {}));
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.items[1].index, 1U);
  EXPECT_TRUE(json::parse(list.items[1].json).value().is_number());

  const auto report =
      test::make_model("a", "report", OutputKind::value, {},
                       object({{"type", "object"}, {"properties", object({{"ok", object({{"type", "boolean"}})}})}}));
  const auto value = succeed(request(report, {}));
  ASSERT_EQ(value.items.size(), 1U);
  EXPECT_FALSE(value.items[0].list);
  EXPECT_NE(json::parse(value.items[0].json).value().find("ok"), nullptr);
}

class SandboxTrainingTest : public SandboxRunnerTest {
 protected:
  ports::RunRequest training(Value::Object input, std::string id = "training") {
    auto out = request(model_, std::move(input), std::move(id));
    out.training = domain::TrainingTarget{"acme/hot-dog", model_.latest().id};
    return out;
  }
  domain::Model model_ = test::sdxl_model();
};

TEST_F(SandboxTrainingTest, GivesWeightsThatSayWhatTheyAre) {
  RecordingSink sink;
  const auto outcome = run(training({{"input_images", "https://a.example/a.zip"}, {"max_train_steps", 30}}), sink);
  EXPECT_EQ(metrics_of(outcome), object({{"training_step_count", 30}}));
  EXPECT_NE(sink.logs().find("the model itself was not run"), std::string::npos);
  EXPECT_NE(sink.logs().find("30/30"), std::string::npos);
  ASSERT_EQ(sink.items.size(), 1U);
  EXPECT_FALSE(sink.items[0].list);
  const auto& file = sink.items[0].file.value();
  EXPECT_EQ(file.name, "trained_model.safetensors");
  // The safetensors format: eight bytes of length, the header in JSON, the numbers.
  ASSERT_GT(file.bytes.size(), 8U);
  std::size_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(file.bytes[i]);
  ASSERT_LT(length, file.bytes.size());
  const auto header = json::parse(file.bytes.substr(8, length)).value();
  EXPECT_EQ(header.find("__metadata__")->text_of("destination"), "acme/hot-dog");
  EXPECT_NE(header.find("__metadata__")->text_of("note").find("sandbox"), std::string::npos);
  const auto* offsets = header.find("sandbox.lora.weight")->find("data_offsets");
  EXPECT_EQ(*offsets, Value(Value::Array{0, static_cast<std::int64_t>(file.bytes.size() - 8 - length)}));
}

TEST_F(SandboxTrainingTest, MakesTheSameWeightsAgainAndLeavesThemOutWhenTheyAreThere) {
  const auto bytes = [&](std::string id) { return succeed(training({}, std::move(id))).items.at(0).file->bytes; };
  EXPECT_EQ(bytes("one"), bytes("one"));
  EXPECT_NE(bytes("one"), bytes("two"));
  auto again = training({});
  again.items_done = 1;
  EXPECT_TRUE(succeed(again).items.empty());
}

TEST_F(SandboxTrainingTest, IsSteeredByAnyOfItsTexts) {
  RecordingSink failed;
  const auto outcome =
      run(training({{"token_string", "TOK"}, {"caption_prefix", "a [sandbox:fail=no gpu] TOK"}}), failed);
  EXPECT_EQ(std::get<RunFailed>(outcome).error, "no gpu");
  EXPECT_NE(failed.logs().find("100/100"), std::string::npos);
  EXPECT_TRUE(failed.items.empty());
}

TEST_F(SandboxRunnerTest, EndsInEveryPhaseWhenAskedToStop) {
  auto slow = test::flux_model();
  slow.sandbox.setup_seconds = 3600;
  auto text = test::language_model();
  text.sandbox.tokens_per_second = 0.1;
  auto steps = test::flux_model();
  steps.sandbox.seconds = 3600;
  for (const auto* model : {&slow, &text, &steps}) {
    auto stoppable = request(*model, {{"prompt", "hi"}});
    RecordingSink sink;
    // In setup there is no call to act on, so the stop is there before the run.
    if (model == &slow) stoppable.stop.request_stop();
    sink.on_call = [stop = stoppable.stop](std::size_t call) mutable {
      if (call == 2) stop.request_stop();
    };
    EXPECT_TRUE(std::holds_alternative<RunInterrupted>(run(stoppable, sink, 1)));
    EXPECT_TRUE(sink.items.empty());
  }
}

TEST_F(SandboxRunnerTest, TakesTimeByTheProfileDividedByTheSpeed) {
  auto model = test::flux_model();
  model.sandbox.setup_seconds = 20;
  model.sandbox.seconds = 40;
  const auto took = [&](double speed) {
    RecordingSink sink;
    const auto start = std::chrono::steady_clock::now();
    run(request(model, {{"prompt", "hi"}, {"megapixels", "0.25"}}), sink, speed);
    return std::chrono::steady_clock::now() - start;
  };
  // Only the lower bound: an upper one would fail on a busy machine. Without speed the test would take a minute.
  EXPECT_GE(took(1000), 60ms);
  took(0);
}

TEST_F(SandboxRunnerTest, FailsWhereThePromptSaysSo) {
  const auto model = test::language_model();
  RecordingSink none;
  const auto failed = run(request(model, {{"prompt", "[sandbox:fail=no luck]"}}), none);
  EXPECT_EQ(std::get<RunFailed>(failed).error, "no luck");
  EXPECT_TRUE(none.items.empty());
  EXPECT_EQ(none.starts, 1U);

  RecordingSink some;
  const auto later = run(request(model, {{"prompt", "[sandbox:fail-after=3]"}}), some);
  EXPECT_FALSE(std::get<RunFailed>(later).error.empty());
  EXPECT_EQ(some.items.size(), 3U);

  const auto flux = test::flux_model();
  RecordingSink image;
  EXPECT_TRUE(std::holds_alternative<RunFailed>(run(request(flux, {{"prompt", "[sandbox:fail]"}}), image)));
  EXPECT_NE(image.logs().find("4/4"), std::string::npos);
  EXPECT_TRUE(image.items.empty());
}

TEST_F(SandboxRunnerTest, WaitsWhereThePromptSaysSoWhateverTheSpeed) {
  const auto model = test::language_model();
  for (const auto* prompt : {"[sandbox:delay=10m]", "[sandbox:pause=10m]", "[sandbox:setup=10m]"}) {
    auto waiting = request(model, {{"prompt", prompt}});
    RecordingSink sink;
    SandboxRunner runner(pool_, {.speed = 0});
    auto outcome = boost::asio::co_spawn(test::test_io().next(), runner.run(waiting, sink), boost::asio::use_future);
    EXPECT_EQ(outcome.wait_for(20ms), std::future_status::timeout) << prompt;
    waiting.stop.request_stop();
    EXPECT_TRUE(std::holds_alternative<RunInterrupted>(outcome.get()));
  }
}

TEST_F(SandboxRunnerTest, BreaksTheSchemaWhenAskedTo) {
  const auto model = test::flux_model();
  const auto sink = succeed(request(model, {{"prompt", "[sandbox:malformed]"}}));
  ASSERT_EQ(sink.items.size(), 1U);
  EXPECT_EQ(sink.items[0].json, R"({"malformed":true})");
}

}  // namespace
}  // namespace hekto::runners
