// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/scrub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hekto::runners::replicate {
namespace {

using testing::HasSubstr;
using testing::Not;

UpstreamOptions options() {
  return {.name = "up",
          .url = "https://api.example/base",
          .accounts = {{.name = "main", .token = Secret("r8_se+cret/1"), .username = "acme"},
                       {.name = "spare", .token = Secret("r8_other"), .username = "bob"}}};
}

TEST(Scrubber, TakesOutTokensInAllSpellings) {
  const Scrubber scrubber(options());
  EXPECT_EQ(scrubber.clean("Bearer r8_se+cret/1."), "Bearer ***.");
  EXPECT_EQ(scrubber.clean("token=r8_se%2Bcret%2F1&x"), "token=***&x");
  EXPECT_EQ(scrubber.clean("token=r8_se%2bcret%2f1&x"), "token=***&x");
  EXPECT_EQ(scrubber.clean(R"({"t":"r8_se+cret\/1"})"), R"({"t":"***"})");
  EXPECT_EQ(scrubber.clean("R8_SE+CRET/1"), "***");
  EXPECT_EQ(scrubber.clean("r8_other and r8_otherr8_other"), "*** and ******");
  EXPECT_EQ(scrubber.clean_output("xr8_other!"), "x***!") << "wherever it stands";
}

TEST(Scrubber, TakesOutTheAddressInAllSpellings) {
  const Scrubber scrubber(options());
  EXPECT_EQ(scrubber.clean("GET https://api.example/base/v1/predictions/x"),
            "GET https://upstream.invalid/v1/predictions/x");
  EXPECT_EQ(scrubber.clean("HTTPS://API.Example/Base/v1"), "https://upstream.invalid/v1");
  EXPECT_EQ(scrubber.clean("https://api.example/other"), "https://upstream.invalid/other");
  EXPECT_EQ(scrubber.clean(R"("https:\/\/api.example\/base\/v1")"), R"("https://upstream.invalid\/v1")");
  EXPECT_EQ(scrubber.clean("u=https%3A%2F%2Fapi.example%2Fbase"), "u=https://upstream.invalid");
  EXPECT_EQ(scrubber.clean_output("see https://api.example/base/x"), "see https://upstream.invalid/x");
}

TEST(Scrubber, TakesOutTheHostAloneWhereItIsNoOutput) {
  const Scrubber scrubber(options());
  EXPECT_EQ(scrubber.clean("cannot reach api.example:443"), "cannot reach upstream.invalid:443");
  EXPECT_EQ(scrubber.clean("http://api.example/x"), "http://upstream.invalid/x");
  EXPECT_EQ(scrubber.clean("not my-api.example"), "not my-api.example");
  EXPECT_EQ(scrubber.clean_output("the host api.example"), "the host api.example");
}

TEST(Scrubber, TakesOutUserNamesAsWholeWordsOnly) {
  const Scrubber scrubber(options());
  EXPECT_EQ(scrubber.clean("account acme has no credit"), "account *** has no credit");
  EXPECT_EQ(scrubber.clean("acme/model, (acme) Acme"), "***/model, (***) ***");
  EXPECT_EQ(scrubber.clean("acmeism macme acme-2 acme_x"), "acmeism macme acme-2 acme_x");
  EXPECT_EQ(scrubber.clean("bob was here"), "bob was here") << "too short to be told from any word";
}

TEST(Scrubber, LeavesUserNamesInOutput) {
  const Scrubber scrubber(options());
  EXPECT_EQ(scrubber.clean_output("the acme of style"), "the acme of style");
}

TEST(Scrubber, LeavesTheRestAsItIs) {
  const Scrubber scrubber(options());
  const std::string text = "100%|████| 4/4 [00:01<00:00]\r\nhttps://replicate.com/docs r8_ \x01\xff";
  EXPECT_EQ(scrubber.clean(text), text);
  EXPECT_EQ(scrubber.clean(""), "");
}

TEST(Scrubber, TakesOutNothingForOptionsThatAreNotSet) {
  const Scrubber scrubber({.name = "up", .url = "https://api.example", .accounts = {{.name = "main", .token = {}}}});
  EXPECT_EQ(scrubber.clean("anything at all"), "anything at all");
}

/// The text cleaned as it comes, in two pieces: what is undecided waits for the second.
std::string in_pieces(const Scrubber& scrubber, const std::string& text, std::size_t cut) {
  const auto first = text.substr(0, cut);
  const auto kept = scrubber.undecided(first);
  const auto shown = scrubber.clean(first.substr(0, first.size() - kept));
  return shown + scrubber.clean(first.substr(first.size() - kept) + text.substr(cut));
}

TEST(Scrubber, FindsWhatIsCutAcrossPieces) {
  const Scrubber scrubber(options());
  for (const std::string text :
       {"a r8_se+cret/1 b", "a r8_se%2Bcret%2F1 b", "at https://api.example/base/v1 b", "at https://api.example/x b",
        R"(at https:\/\/api.example\/base b)", "to acme now", "at api.example now", "r8_otherr8_other"}) {
    const auto whole = scrubber.clean(text);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) EXPECT_EQ(in_pieces(scrubber, text, cut), whole) << cut;
  }
}

TEST(Scrubber, KeepsBackNoMoreThanItMust) {
  const Scrubber scrubber(options());
  EXPECT_EQ(scrubber.undecided(""), 0U);
  EXPECT_EQ(scrubber.undecided("nothing of it!"), 0U);
  EXPECT_EQ(scrubber.undecided("token r8_"), 3U);
  EXPECT_EQ(scrubber.undecided("token R8_se+cret/"), 10U + 1U);
  EXPECT_EQ(scrubber.undecided("token r8_x"), 0U);
}

}  // namespace
}  // namespace hekto::runners::replicate
