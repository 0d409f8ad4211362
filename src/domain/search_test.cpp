// SPDX-License-Identifier: Apache-2.0
#include "domain/search.h"

#include <gtest/gtest.h>

namespace hekto::domain {
namespace {

double score(std::string_view query, std::string_view name, std::string_view description) {
  const SearchField fields[] = {{name, 4}, {description, 2}};
  return search_score(search_words(query), fields);
}

TEST(Search, TakesWordsWhateverStandsBetweenThem) {
  EXPECT_EQ(search_words("  FLUX.1 schnell,FLUX \"1\"\n"), (std::vector<std::string>{"flux", "1", "schnell"}));
  EXPECT_EQ(search_words("\xC4\x91\xE1\xBA\xB9p"), std::vector<std::string>{"\xC4\x91\xE1\xBA\xB9p"});
  EXPECT_TRUE(search_words(" .,-! ").empty());
  EXPECT_EQ(search_words("the fox of the forest"), (std::vector<std::string>{"fox", "forest"}));
  EXPECT_EQ(search_words("The Of"), (std::vector<std::string>{"the", "of"}));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "w" + std::to_string(i) + " ";
  EXPECT_EQ(search_words(many).size(), 32u);
}

TEST(Search, CountsTheNameMoreThanTheDescription) {
  EXPECT_EQ(score("flux", "flux-schnell", ""), 1);
  EXPECT_EQ(score("flux", "other", "like flux"), 0.5);
  EXPECT_EQ(score("flux", "flux", "flux flux"), 1);
}

TEST(Search, PutsWholeWordsBeforePartsOfThem) {
  EXPECT_GT(score("llama", "llama", ""), score("llama", "llamas", ""));
  EXPECT_GT(score("llama", "llamas", ""), score("llama", "codellama", ""));
  EXPECT_GT(score("llama", "codellama", ""), 0);
  EXPECT_EQ(score("llama", "codellama llama", ""), 1) << "the best of several counts";
}

TEST(Search, FitsBetterTheMoreWordsItFinds) {
  EXPECT_GT(score("red fox", "red-fox", ""), score("red fox", "red-dog", ""));
  EXPECT_EQ(score("blue", "red-fox", "a red fox"), 0);
  EXPECT_EQ(score("", "anything", ""), 1);
  EXPECT_EQ(search_score({"x"}, {}), 0);
}

}  // namespace
}  // namespace hekto::domain
