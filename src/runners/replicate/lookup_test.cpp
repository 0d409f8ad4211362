// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/value_json.h"

namespace hekto::runners::replicate {
namespace {

using domain::RelayTarget;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string canonical_of(std::string_view json, const std::set<std::string>& hidden = {}) {
  return canonical(json::parse(json).value(), hidden);
}

TEST(Canonical, IsOneForAllSpellings) {
  EXPECT_EQ(canonical_of(R"({"a":1,"b":"x"})"), canonical_of(R"( {"b" : "x", "a" : 1} )"));
  EXPECT_EQ(canonical_of(R"({"a":1})"), canonical_of(R"({"a":1.0})"));
  EXPECT_EQ(canonical_of(R"({"a":100})"), canonical_of(R"({"a":1e2})"));
  EXPECT_EQ(canonical_of(R"({"a":"é/"})"), canonical_of(R"({"a":"\u00e9\/"})"));
  EXPECT_EQ(canonical_of(R"({"a":{"d":[],"c":{}}})"), canonical_of(R"({"a":{"c":{},"d":[]}})"));
}

TEST(Canonical, TellsDifferentValuesApart) {
  const std::vector<std::string> values = {R"({})",
                                           R"({"a":null})",
                                           R"({"a":0})",
                                           R"({"a":false})",
                                           R"({"a":""})",
                                           R"({"a":[]})",
                                           R"({"a":{}})",
                                           R"({"a":"0"})",
                                           R"({"a":[1,2]})",
                                           R"({"a":[2,1]})",
                                           R"({"a":[[1],2]})",
                                           R"({"a":[[1,2]]})",
                                           R"({"a":"1,"})",
                                           R"({"a":["1,"]})",
                                           R"({"a":{"b":1}})",
                                           R"({"a.b":1})",
                                           R"({"a":1,"b":1})",
                                           R"({"a":"hidden"})",
                                           R"([])",
                                           R"("")"};
  std::set<std::string> texts;
  for (const auto& value : values) texts.insert(canonical_of(value));
  EXPECT_EQ(texts.size(), values.size());
}

TEST(Canonical, LeavesOutWhatIsHidden) {
  EXPECT_EQ(canonical_of(R"({"image":"https://a/x","n":1})", {"/image"}),
            canonical_of(R"({"image":"https://b/y","n":1})", {"/image"}));
  EXPECT_NE(canonical_of(R"({"image":"https://a/x","n":1})", {"/image"}),
            canonical_of(R"({"image":"https://a/x","n":2})", {"/image"}));
  EXPECT_NE(canonical_of(R"({"image":"https://a/x"})", {"/image"}), canonical_of(R"({})", {"/image"}));
  EXPECT_EQ(canonical_of(R"({"list":["a","b"]})", {"/list/1"}), canonical_of(R"({"list":["a","c"]})", {"/list/1"}));
  EXPECT_NE(canonical_of(R"({"list":["a","b"]})", {"/list/1"}), canonical_of(R"({"list":["d","b"]})", {"/list/1"}));
  EXPECT_EQ(canonical_of(R"({"a/b":{"~":1}})", {"/a~1b/~0"}), canonical_of(R"({"a/b":{"~":2}})", {"/a~1b/~0"}));
}

std::set<std::string> urls_in(std::string_view json, bool web_too) {
  std::set<std::string> found;
  add_url_pointers(json::parse(json).value(), web_too, found);
  return found;
}

TEST(UrlPointers, NameWhatAnUpstreamMayShowInAnotherWay) {
  const auto* input =
      R"({"image":"data:image/png;base64,AAAA","images":["https://a/x","plain",{"a/b~":"http://b/y"}]})";
  EXPECT_THAT(urls_in(input, false), ElementsAre("/image"));
  EXPECT_THAT(urls_in(input, true), UnorderedElementsAre("/image", "/images/0", "/images/2/a~1b~0"));
  EXPECT_THAT(urls_in(R"({"prompt":"see https://a/x","n":3})", true), IsEmpty());
}

class LikenessTest : public testing::Test {
 protected:
  LikenessTest() {
    shown_.id = "r1";
    shown_.model = "acme/flux";
    shown_.version = "v1";
    shown_.input = json::parse(R"({"prompt":"cat"})").value();
  }
  Likeness like(RelayTarget target, std::string_view input = R"({"prompt":"cat"})") const {
    return likeness(shown_, target, "acme/flux", canonical_of(input), {});
  }
  Snapshot shown_;
};

TEST_F(LikenessTest, NeedsTheSameInput) {
  EXPECT_EQ(like({RelayTarget::Kind::model, "acme/flux"}), Likeness::all);
  EXPECT_EQ(like({RelayTarget::Kind::model, "acme/flux"}, R"({"prompt":"dog"})"), Likeness::none);
  EXPECT_EQ(like({RelayTarget::Kind::model, "acme/flux"}, R"({})"), Likeness::none);
}

TEST_F(LikenessTest, IsLessUnderAnotherNameOfTheModel) {
  shown_.model = "acme-internal/flux-prod";
  EXPECT_EQ(like({RelayTarget::Kind::model, "acme/flux"}), Likeness::other_name);
  shown_.model = "Acme/Flux";
  EXPECT_EQ(like({RelayTarget::Kind::model, "acme/flux"}), Likeness::all);
  shown_.model = "";
  EXPECT_EQ(like({RelayTarget::Kind::model, "acme/flux"}), Likeness::all);
}

TEST_F(LikenessTest, NeedsTheVersionThatWasAskedFor) {
  EXPECT_EQ(like({RelayTarget::Kind::version, "v1"}), Likeness::all);
  EXPECT_EQ(like({RelayTarget::Kind::version, "acme/flux:v1"}), Likeness::all);
  EXPECT_EQ(like({RelayTarget::Kind::version, "v2"}), Likeness::none);
  EXPECT_EQ(like({RelayTarget::Kind::training, "acme/flux:v2"}), Likeness::none);
  shown_.version = "";
  EXPECT_EQ(like({RelayTarget::Kind::version, "v2"}), Likeness::all);
}

TEST_F(LikenessTest, TakesAnyModelForADeployment) {
  EXPECT_EQ(like({RelayTarget::Kind::deployment, "acme/my-deployment"}), Likeness::all);
}

}  // namespace
}  // namespace hekto::runners::replicate
