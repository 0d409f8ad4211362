// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/ids.h"
#include "service/catalog_loader.h"

namespace hekto::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kModel = R"(owner: acme
name: teller
created_at: 2024-01-02T03:04:05Z
tags: [stories, short]
readme: |
  # Teller
version:
  input:
    required: [prompt]
    properties:
      prompt: {type: string}
  output: text_stream
examples:
  - input: {prompt: a fox}
    output: [Once, " upon"]
    logs: done
    seconds: 2.5
  - input: {prompt: a dog}
    output: []
)";

std::string changed(std::string_view from, std::string_view to) {
  std::string text(kModel);
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& yaml) {
  const auto model = load_model_yaml(yaml, "m.yaml");
  return model ? "" : model.error().message;
}

TEST(CatalogExtras, AreReadWithTheModel) {
  const auto model = load_model_yaml(kModel, "m.yaml").value();
  EXPECT_EQ(model.readme, "# Teller\n");
  EXPECT_THAT(model.tags, ElementsAre("stories", "short"));
  ASSERT_EQ(model.examples.size(), 2u);
}

TEST(CatalogExtras, AreAbsentWhereNothingIsSaid) {
  const auto plain = load_model_yaml(kModel.substr(0, kModel.find("examples:")), "m.yaml").value();
  EXPECT_TRUE(plain.examples.empty());
}

TEST(CatalogExample, IsAFinishedPredictionThatNeverChanges) {
  const auto model = load_model_yaml(kModel, "m.yaml").value();
  const auto& p = model.examples.front();
  EXPECT_TRUE(is_id(p.id));
  EXPECT_EQ(p.model, "acme/teller");
  EXPECT_EQ(p.version, model.latest().id);
  EXPECT_EQ(p.input, R"({"prompt":"a fox"})");
  EXPECT_TRUE(p.output.is_list);
  EXPECT_THAT(p.output.items, ElementsAre(R"("Once")", R"(" upon")"));
  EXPECT_EQ(p.logs, "done");
  EXPECT_EQ(p.status, domain::Status::succeeded);
  EXPECT_EQ(domain::predict_seconds(p), 2.5);
  EXPECT_EQ(load_model_yaml(kModel, "n.yaml").value().examples.front(), p);
  EXPECT_NE(model.examples.back().id, p.id);
}

TEST(CatalogExample, MustFitTheModel) {
  EXPECT_THAT(error_of(changed("{prompt: a fox}", "{}")), HasSubstr("input: prompt is required"));
  EXPECT_THAT(error_of(changed("[Once, \" upon\"]", "[1]")), HasSubstr("output.0: Invalid type"));
  EXPECT_THAT(error_of(changed("    output: []\n", "")), HasSubstr("'output' is missing"));
  EXPECT_THAT(error_of(changed("    logs: done", "    log: done")), HasSubstr("m.yaml:16: unknown key 'log'"));
  EXPECT_THAT(error_of(changed("{prompt: a fox}", "[a]")), HasSubstr("'input' is not a mapping"));
  EXPECT_THAT(error_of(changed("[stories, short]", "{a: b}")), HasSubstr("'tags' is not a list"));
}

TEST(Collections, AreReadFromAFileOfTheirOwn) {
  const auto read = load_collections_yaml(R"(collections:
  - {slug: a, name: A, description: First, models: [x/y]}
  - slug: b
    name: B
    description: Second
    full_description: "# B"
)",
                                          "c.yaml")
                        .value();
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0], (domain::Collection{"a", "A", "First", std::nullopt, {"x/y"}}));
  EXPECT_EQ(read[1].full_description, "# B");
  EXPECT_TRUE(read[1].models.empty());
}

TEST(Collections, AreRefusedWithTheLine) {
  const auto why = [](const std::string& yaml) {
    const auto read = load_collections_yaml(yaml, "c.yaml");
    return read ? "" : read.error().message;
  };
  EXPECT_THAT(why("collections:\n  - {slug: A b, name: A, description: x}\n"), HasSubstr("c.yaml:2: 'slug' holds"));
  EXPECT_THAT(why("collections:\n  - {slug: a, name: A}\n"), HasSubstr("'description' is missing"));
  EXPECT_THAT(why("collections: {a: b}\n"), HasSubstr("is not a list of collections"));
  EXPECT_THAT(why("collections: []\nowner: x\n"), HasSubstr("unknown key 'owner'"));
  const std::string one = "  - {slug: a, name: A, description: x}\n";
  EXPECT_THAT(why("collections:\n" + one + one), HasSubstr("'a' stands twice"));
}

class CatalogFolder : public testing::Test {
 protected:
  CatalogFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hekto-extras-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~CatalogFolder() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }

  std::filesystem::path folder_;
};

TEST_F(CatalogFolder, HoldsCollectionsBesideModels) {
  const auto builtin = load_catalog({}).value();
  ASSERT_NE(builtin.find_collection("text-to-image"), nullptr);
  EXPECT_EQ(builtin.find_collection("none"), nullptr);
  write("model.yaml", kModel);
  write("sets.yaml",
        "collections:\n"
        "  - {slug: text-to-image, name: Mine, description: x, models: [acme/teller]}\n"
        "  - {slug: new, name: New, description: x, models: [stability-ai/sdxl]}\n");
  const auto catalog = load_catalog({folder_}).value();
  EXPECT_EQ(catalog.find_collection("text-to-image")->name, "Mine");
  EXPECT_EQ(catalog.collections().size(), builtin.collections().size() + 1);
  EXPECT_EQ(catalog.collections().back().slug, "new");
}

TEST_F(CatalogFolder, IsRefusedWhenACollectionNamesNoModel) {
  write("sets.yaml", "collections:\n  - {slug: a, name: A, description: x, models: [acme/none]}\n");
  const auto catalog = load_catalog({folder_});
  ASSERT_FALSE(catalog);
  EXPECT_THAT(catalog.error().message, HasSubstr("collection a names acme/none, which is no model"));
}

}  // namespace
}  // namespace hekto::service
