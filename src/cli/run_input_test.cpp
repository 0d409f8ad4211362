// SPDX-License-Identifier: Apache-2.0
#include "cli/run_input.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/address.h"
#include "json/value_json.h"

namespace hekto::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

domain::Value schema() {
  return json::parse(R"({"components":{"schemas":{
    "Input":{"type":"object","properties":{
      "prompt":{"type":"string"},
      "seed":{"type":"integer"},
      "strength":{"type":"number"},
      "fast":{"type":"boolean"},
      "megapixels":{"allOf":[{"$ref":"#/components/schemas/megapixels"}]},
      "steps":{"allOf":[{"$ref":"#/components/schemas/steps"}]},
      "images":{"type":"array","items":{"type":"string","format":"uri"}},
      "sizes":{"type":"array","items":{"type":"integer"}},
      "extra":{"anyOf":[{"type":"string"},{"type":"null"}]},
      "options":{"type":"object"},
      "loop":{"$ref":"#/components/schemas/loop"}}},
    "megapixels":{"enum":["1","0.25"],"type":"string"},
    "steps":{"enum":[1,2]},
    "loop":{"$ref":"#/components/schemas/loop"},
    "Output":{"type":"array","items":{"type":"string"},"x-cog-array-display":"concatenate"}}}})")
      .value();
}

std::string built(const std::vector<std::string>& arguments, bool with_schema = true) {
  const auto openapi = schema();
  const auto input = build_input(arguments, with_schema ? &openapi : nullptr);
  return input ? json::dump(input->value) : "error: " + input.error().message;
}

TEST(RunInput, KeepsTextAsTextWhereTheSchemaWantsText) {
  EXPECT_EQ(built({"prompt=42"}), R"({"prompt":"42"})");
  EXPECT_EQ(built({"megapixels=1"}), R"({"megapixels":"1"})");
  EXPECT_EQ(built({"prompt=[1]"}), R"({"prompt":"[1]"})");
  EXPECT_EQ(built({"prompt=a=b"}), R"({"prompt":"a=b"})");
  EXPECT_EQ(built({"prompt="}), R"({"prompt":""})");
}

TEST(RunInput, ReadsTheTypesThatTheSchemaWants) {
  EXPECT_EQ(built({"seed=42", "strength=0.5", "fast=true"}), R"({"seed":42,"strength":0.5,"fast":true})");
  EXPECT_EQ(built({"strength=1"}), R"({"strength":1})");
  EXPECT_EQ(built({"steps=2"}), R"({"steps":2})");
  EXPECT_EQ(built({"options={\"a\":1}"}), R"({"options":{"a":1}})");
  EXPECT_EQ(built({"extra=null"}), R"({"extra":null})");
}

TEST(RunInput, LeavesWhatFitsNoTypeToTheServer) {
  EXPECT_EQ(built({"seed=many"}), R"({"seed":"many"})");
  EXPECT_EQ(built({"seed=1.5"}), R"({"seed":"1.5"})");
}

TEST(RunInput, MakesAListOfRepeatedKeys) {
  EXPECT_EQ(built({"images=https://a/1", "images=https://a/2"}), R"({"images":["https://a/1","https://a/2"]})");
  EXPECT_EQ(built({"sizes=1"}), R"({"sizes":[1]})");
  EXPECT_EQ(built({"sizes=[1,2]"}), R"({"sizes":[1,2]})");
  EXPECT_EQ(built({"prompt=a", "prompt=b"}), "error: 'prompt' is given twice");
}

TEST(RunInput, GuessesTheTypeWithoutASchema) {
  EXPECT_EQ(built({"a=1", "b=-0.5", "c=true", "d=null", "e=[1]", "f={}", "g=word", "h=\"quoted\"", "i=1x"}, false),
            R"({"a":1,"b":-0.5,"c":true,"d":null,"e":[1],"f":{},"g":"word","h":"\"quoted\"","i":"1x"})");
}

TEST(RunInput, SurvivesASchemaThatRefersToItself) { EXPECT_EQ(built({"loop=1"}), R"({"loop":1})"); }

TEST(RunInput, WarnsOfAnInputThatTheModelDoesNotHave) {
  const auto openapi = schema();

  const auto input = build_input({"promt=x"}, &openapi);

  ASSERT_TRUE(input);
  EXPECT_THAT(input->warnings, ElementsAre("the model has no input 'promt'; did you mean 'prompt'?"));
  EXPECT_THAT(build_input({"promt=x"}, nullptr)->warnings, IsEmpty());
}

TEST(RunInput, RefusesAnArgumentWithoutKeyOrValue) {
  EXPECT_EQ(built({"prompt"}), "error: 'prompt' is not of the form key=value or key=@file");
  EXPECT_EQ(built({"=x"}), "error: '=x' is not of the form key=value or key=@file");
}

class RunInputFiles : public testing::Test {
 protected:
  RunInputFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hekto-input-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~RunInputFiles() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  std::filesystem::path folder_;
};

TEST_F(RunInputFiles, SendsAFileAsADataUrl) {
  EXPECT_EQ(built({"prompt=@" + file("a.txt", "hi")}), R"({"prompt":"data:text/plain;base64,aGk="})");
  EXPECT_EQ(built({"images=@" + file("a", "GIF89a")}), R"({"images":["data:image/gif;base64,R0lGODlh"]})");
  EXPECT_EQ(built({"prompt=@@alice"}), R"({"prompt":"@alice"})");
}

TEST_F(RunInputFiles, RefusesAFileThatCannotBeRead) {
  EXPECT_THAT(built({"prompt=@" + (folder_ / "none").string()}), HasSubstr("cannot read the file"));
  EXPECT_THAT(built({"prompt=@" + folder_.string()}), HasSubstr("cannot read the file"));
}

TEST_F(RunInputFiles, CountsTheSizeOfAllFilesTogether) {
  const auto large = file("large", std::string(kMaxFileBytes, 'x'));
  const auto small = file("small", "x");

  EXPECT_THAT(built({"images=@" + large}), HasSubstr("data:text/plain"));
  EXPECT_THAT(built({"images=@" + large, "images=@" + small}), HasSubstr("files may have 10 MB together"));
}

TEST(OutputSchema, SaysWhetherTextIsReadJoined) {
  const auto openapi = schema();

  EXPECT_TRUE(output_is_joined_text(&openapi));
  EXPECT_FALSE(output_is_joined_text(nullptr));
}

TEST(ApiRoot, IsTheSameForEveryWayToWriteIt) {
  for (const char* url : {"http://h:8080", "http://h:8080/", "http://h:8080/v1", "http://h:8080/v1/"}) {
    EXPECT_EQ(api_root(url).value(), "http://h:8080") << url;
  }
  EXPECT_EQ(api_root("https://h/replicate/v1").value(), "https://h/replicate");
  EXPECT_EQ(api_root("https://h/replicate/").value(), "https://h/replicate");
  EXPECT_EQ(api_root("localhost:8080").value(), "http://localhost:8080");
  EXPECT_EQ(api_root("hekto.example").value(), "https://hekto.example");
  EXPECT_EQ(api_root("http://[::1]:8080/v1").value(), "http://[::1]:8080");
}

TEST(ApiRoot, RefusesWhatIsNoServer) {
  for (const char* url : {"", "ftp://h", "http://", "http:///v1", "http://u:p@h", "http://h?x=1", "http://h#x",
                          "http://h x", "file:///etc/passwd"}) {
    EXPECT_FALSE(api_root(url)) << url;
  }
}

TEST(LoopbackUrl, IsToldFromNamesThatLookLikeIt) {
  EXPECT_TRUE(is_loopback_url("http://127.0.0.1:8080/v1"));
  EXPECT_TRUE(is_loopback_url("LOCALHOST:1"));
  EXPECT_TRUE(is_loopback_url("http://[::1]:1"));
  EXPECT_FALSE(is_loopback_url("http://127.example.com"));
  EXPECT_FALSE(is_loopback_url("http://localhost.example"));
}

TEST(ModelRef, SplitsOwnerNameAndVersion) {
  const auto ref = parse_model_ref("black-forest-labs/flux_1.1:abc").value();

  EXPECT_EQ(ref.owner, "black-forest-labs");
  EXPECT_EQ(ref.name, "flux_1.1");
  EXPECT_EQ(ref.version, "abc");
  for (const char* bad : {"", "flux", "a/", "/b", "a/b/c", "a/b:", "a/..", "a/b c", "a/b?x", "a/b:c:d"}) {
    EXPECT_FALSE(parse_model_ref(bad)) << bad;
  }
}

}  // namespace
}  // namespace hekto::cli
