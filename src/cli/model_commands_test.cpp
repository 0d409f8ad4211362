// SPDX-License-Identifier: Apache-2.0
#include "cli/model_commands.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/value_json.h"
#include "tests/support/temp_dir.h"

namespace hekto::cli {
namespace {

using testing::HasSubstr;

constexpr const char* kSchema =
    R"({"components":{"schemas":{"Input":{"type":"object","properties":{"text":{"type":"string"}}},
        "Output":{"type":"string","format":"uri"}}}})";

class ModelCommands : public testing::Test {
 protected:
  std::string file(const std::string& text) {
    const auto path = dir_.path() / "schema.json";
    std::ofstream(path) << text;
    return path.string();
  }
  int add(AddModelOptions options) {
    return add_model(places_, options, from_micros(1'800'000'000'000'000), terminal_);
  }
  std::string listed() {
    out_.str("");
    EXPECT_EQ(list_models(places_, false, terminal_), kDone);
    return out_.str();
  }

  test::TempDir dir_;
  ModelPlaces places_{dir_.path() / "data", {}, {}};
  std::ostringstream out_;
  std::ostringstream err_;
  Terminal terminal_{.out = out_, .err = err_};
};

TEST_F(ModelCommands, AddWritesAFileThatListShowsAndRemoveRemoves) {
  EXPECT_THAT(listed(), HasSubstr("built in"));
  EXPECT_EQ(add({.file = file(kSchema), .name = "acme/speech-maker"}), kDone) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("acme/speech-maker:"));
  EXPECT_THAT(err_.str(), HasSubstr("gives: speech"));
  EXPECT_THAT(err_.str(), HasSubstr("It takes effect when the server starts."));
  const auto path = places_.data / "models" / "acme+speech-maker.yaml";
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(std::filesystem::status(places_.data).permissions(), std::filesystem::perms::owner_all);
  EXPECT_THAT(listed(), HasSubstr(path.string()));
  EXPECT_EQ(remove_model(places_, "acme/speech-maker", terminal_), kDone) << err_.str();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ModelCommands, AddReplacesNothingWithoutForce) {
  ASSERT_EQ(add({.file = file(kSchema), .name = "acme/painter"}), kDone);
  EXPECT_EQ(add({.file = file(kSchema), .name = "acme/painter", .description = "new"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("there is a model acme/painter already ("));
  EXPECT_EQ(add({.file = file(kSchema), .name = "acme/painter", .description = "new", .force = true}), kDone);
  EXPECT_EQ(add({.file = file(kSchema), .name = "openai/whisper"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("there is a model openai/whisper already (built in); --force replaces it"));
}

TEST_F(ModelCommands, AddWritesNothingThatAServerCouldNotStartWith) {
  const std::string id(64, 'c');
  const auto version = R"({"id":")" + id + R"(","openapi_schema":)" + kSchema + "}";
  ASSERT_EQ(add({.file = file(version), .name = "acme/one"}), kDone);
  EXPECT_EQ(add({.file = file(version), .name = "acme/two"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("version " + id + " belongs to acme/one already"));
  EXPECT_EQ(add({.file = file("nonsense"), .name = "acme/three"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("schema.json: the file is no JSON"));
  EXPECT_EQ(add({.file = (dir_.path() / "none.json").string(), .name = "acme/three"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("none.json cannot be read: No such file or directory"));
  EXPECT_THAT(listed(), testing::Not(HasSubstr("acme/two")));
}

TEST_F(ModelCommands, RemoveLeavesAloneWhatAddDidNotWrite) {
  EXPECT_EQ(remove_model(places_, "openai/whisper", terminal_), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("(built in), which alone are removed"));
  EXPECT_EQ(remove_model(places_, "acme/none", terminal_), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("there is no model acme/none"));
}

TEST_F(ModelCommands, UseAnotherFolderWhenTold) {
  places_.folder = dir_.path() / "elsewhere";
  ASSERT_EQ(add({.file = file(kSchema), .name = "acme/painter"}), kDone) << err_.str();
  EXPECT_TRUE(std::filesystem::exists(places_.folder / "acme+painter.yaml"));
  EXPECT_THAT(listed(), HasSubstr("elsewhere"));
  EXPECT_EQ(remove_model(places_, "acme/painter", terminal_), kDone) << err_.str();
}

TEST_F(ModelCommands, ListSpeaksJsonWhenTold) {
  EXPECT_EQ(list_models(places_, true, terminal_), kDone);
  const auto body = json::parse(out_.str().substr(0, out_.str().size() - 1)).value();
  bool found = false;
  for (const auto& model : *body.find("models")->as_array()) {
    if (model.text_of("name") != "wan-video/wan-2.1-1.3b") continue;
    found = true;
    EXPECT_EQ(model.text_of("output"), "video");
    EXPECT_EQ(model.text_of("origin"), "built in");
    EXPECT_EQ(model.find("versions")->as_array()->size(), 1U);
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace hekto::cli
