// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/model_list.h"

#include <gtest/gtest.h>

#include "api/replicate/search.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

const json::UrlContext kUrls{"https://h.example", "/v1", nullptr};

/// Sixty models; the newer the version, the older the model.
std::vector<ListedModel> models() {
  std::vector<ListedModel> out;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "acme/m" + std::to_string(10 + i);
    out.push_back(
        {name, from_micros(1000 - i / 2), from_micros(i / 2), [name](std::string& text) { text += '"' + name + '"'; }});
  }
  return out;
}

struct Page {
  std::string next;
  std::string previous;
  std::vector<std::string> names;
};

Result<ModelListRequest> request(std::string_view query) {
  http::Request r;
  r.query = query;
  return read_model_list_request(r);
}

/// The page at a query or at a URL that an earlier page named.
Page page(std::string_view url) {
  const auto from = request(url.substr(url.find('?') + 1));
  EXPECT_TRUE(from) << url;
  const auto value = json::parse(model_page(kUrls, *from, models())).value();
  Page out{std::string(value.text_of("next")), std::string(value.text_of("previous")), {}};
  for (const auto& name : *value.find("results")->as_array()) out.names.push_back(*name.as_string());
  return out;
}

std::vector<std::string> all_names(const std::string& query) {
  std::vector<std::string> names;
  std::string url = query;
  for (int pages = 0; pages < 10; ++pages) {
    const auto here = page(url);
    names.insert(names.end(), here.names.begin(), here.names.end());
    if (here.next.empty()) break;
    url = here.next;
  }
  return names;
}

TEST(ModelList, HasTwentyFiveAPageWithTheNewestVersionFirst) {
  const auto first = page("");
  EXPECT_EQ(first.names.size(), 25u);
  EXPECT_EQ(first.names.front(), "acme/m69");
  EXPECT_TRUE(first.previous.empty());
  const auto names = all_names("");
  EXPECT_EQ(names.size(), 60u);
  EXPECT_TRUE(std::ranges::is_sorted(names, std::greater<>()));
}

TEST(ModelList, IsSortedAsAsked) {
  EXPECT_EQ(page("sort_by=model_created_at").names.front(), "acme/m11") << "of one moment the later name first";
  EXPECT_EQ(page("sort_by=model_created_at&sort_direction=asc").names.front(), "acme/m68");
  EXPECT_EQ(page("sort_direction=asc").names.front(), "acme/m10");
  const auto ascending = all_names("sort_direction=asc");
  EXPECT_EQ(ascending.size(), 60u);
  EXPECT_TRUE(std::ranges::is_sorted(ascending));
}

TEST(ModelList, GoesOnInItsOwnOrderByTheCursorAlone) {
  const auto first = page("sort_by=model_created_at&sort_direction=asc");
  const auto cursor = first.next.substr(first.next.find("cursor="));
  const auto by_cursor = page(cursor.substr(0, cursor.find('&')));
  EXPECT_EQ(by_cursor.names, page(first.next).names);
  EXPECT_NE(first.next.find("&sort_by=model_created_at&sort_direction=asc"), std::string::npos);
}

TEST(ModelList, LeadsBackToThePageBefore) {
  for (const std::string query : {"", "sort_direction=asc", "sort_by=model_created_at"}) {
    const auto first = page(query);
    const auto second = page(first.next);
    const auto third = page(second.next);
    EXPECT_TRUE(third.next.empty());
    EXPECT_EQ(page(third.previous).names, second.names) << query;
    EXPECT_EQ(page(second.previous).names, first.names) << query;
    EXPECT_TRUE(page(second.previous).previous.empty()) << query;
  }
}

TEST(ModelList, NamesWhatItDoesNotUnderstand) {
  for (const std::string query : {"sort_by=name", "sort_direction=up", "sort_by=", "cursor=x",
                                  "cursor=cD1vfDF8fGE"}) {  // the last one is of another list: "p=o|1||a"
    EXPECT_FALSE(request(query)) << query;
  }
}

TEST(SearchText, IsTheBodyBareOrAsAJsonString) {
  EXPECT_EQ(search_text("llama"), "llama");
  EXPECT_EQ(search_text(" \r\n\tllama 3\n"), "llama 3");
  EXPECT_EQ(search_text("\"llama\""), "llama");
  EXPECT_EQ(search_text(" \"a \\\"b\\\" \\u00e1\" "), "a \"b\" \xC3\xA1");
  EXPECT_EQ(search_text("\"not\" json\""), "\"not\" json\"");
  for (const std::string empty : {"", " \n", "\"\""}) EXPECT_EQ(search_text(empty), "");
  EXPECT_EQ(search_text("\""), "\"");
}

}  // namespace
}  // namespace hekto::api
