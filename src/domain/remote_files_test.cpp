// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "domain/delivery.h"
#include "domain/remote_name.h"

namespace hekto::domain {
namespace {

using namespace std::chrono_literals;

TEST(RemoteName, IsWhatTheServerCallsTheFile) {
  constexpr std::string_view kUrl = "https://a.example/files/url.png?name=x";
  EXPECT_EQ(remote_file_name("attachment; filename=\"fox.png\"", kUrl), "fox.png");
  EXPECT_EQ(remote_file_name("inline;filename=fox.png ; size=3", kUrl), "fox.png");
  EXPECT_EQ(remote_file_name("attachment; filename=\"a \\\"b\\\" ; c.png\"; x=y", kUrl), "a \"b\" ; c.png");
  EXPECT_EQ(remote_file_name("attachment; FileName*=utf-8'en'f%C3%B4x.png; filename=x", kUrl), "fôx.png");
  EXPECT_EQ(remote_file_name("attachment; filename=old.png; filename*=UTF-8''new.png", kUrl), "new.png");
  EXPECT_EQ(remote_file_name("attachment; filename*=latin1''x; filename=plain.png", kUrl), "plain.png");
  for (const char* none : {"", "inline", "attachment; ", "attachment; filename", "attachment; filename=", "=;=;="}) {
    EXPECT_EQ(remote_file_name(none, kUrl), "url.png") << none;
  }
}

TEST(RemoteName, IsElseTheEndOfThePath) {
  EXPECT_EQ(remote_file_name("", "https://a.example/a%20b.png"), "a b.png");
  EXPECT_EQ(remote_file_name("", "https://a.example/a.png#b/c.png"), "a.png");
  for (const char* none : {"https://a.example", "https://a.example/", "https://a.example/x/?a.png", "https://a/%zz"}) {
    EXPECT_EQ(remote_file_name("", none), "") << none;
  }
}

TEST(RemoteName, CanNeverLeaveAFolder) {
  EXPECT_EQ(remote_file_name("attachment; filename=\"../../etc/passwd\"", ""), "passwd");
  EXPECT_EQ(remote_file_name("attachment; filename=\"C:\\\\\\\\x\\\\\\\\y.png\"", ""), "y.png");
  EXPECT_EQ(remote_file_name("attachment; filename=..", ""), "file");
  EXPECT_EQ(remote_file_name("", "https://a.example/x/..%2f..%2fetc%2fshadow"), "shadow");
  EXPECT_EQ(remote_file_name("", "https://a.example/a%00%0d%0ab"), "ab");
}

class DeliveryTest : public testing::Test {
 protected:
  DeliveryTest() {
    prediction.output.files = {{"out-0.png", "image/png", 3, ""}, {"out-1.png", "image/png", 3, ""}};
    prediction.completed_at = done;
  }
  std::expected<const OutputFile*, LinkRefusal> open(std::string_view name, std::uint16_t index, Time now,
                                                     LinkKind kind = LinkKind::delivery) const {
    return delivered_file(prediction, {kind, "", index}, name, now, 1h);
  }
  const Time done{};
  Prediction prediction;
};

TEST_F(DeliveryTest, LinksOpenTheirFileForTheirLife) {
  ASSERT_TRUE(open("out-1.png", 1, done));
  EXPECT_EQ(*open("out-1.png", 1, done), &prediction.output.files[1]);
  EXPECT_TRUE(open("out-0.png", 0, done + 1h - 1us));
  EXPECT_EQ(open("out-0.png", 0, done + 1h).error(), LinkRefusal::expired);
  EXPECT_EQ(open("out-0.png", 1, done).error(), LinkRefusal::invalid);
  EXPECT_EQ(open("out-2.png", 2, done).error(), LinkRefusal::invalid);
  EXPECT_EQ(open("out-0.png", 0, done, LinkKind::file_stream).error(), LinkRefusal::invalid);
  prediction.data_removed = true;
  EXPECT_EQ(open("out-0.png", 0, done).error(), LinkRefusal::expired);
  prediction.data_removed = false;
  prediction.completed_at.reset();
  EXPECT_TRUE(open("out-0.png", 0, done + 99h)) << "it is still running";
}

TEST(DeliveryUrl, IsToldByItsPath) {
  const std::string token(kLinkTokenLength, 'a');
  for (const std::string origin : {"http://127.0.0.1:8080", "https://hekto.example", "https://x"}) {
    const auto url = delivery_url(origin + "/delivery/" + token + "/out%2D0.png?x#y");
    ASSERT_TRUE(url) << origin;
    EXPECT_EQ(url->token, token);
    EXPECT_EQ(url->name, "out-0.png");
  }
  for (const std::string& other :
       std::vector<std::string>{"https://x/delivery/" + token, "https://x/delivery/short/out.png",
                                "https://x/y/delivery/" + token + "/out.png", "ftp://x/delivery/" + token + "/out.png",
                                "https://x/delivery/" + token + "a/out.png", "https://x",
                                "https://x?/delivery/" + token + "/out.png", "https://x/delivery/" + token + "/%zz"}) {
    EXPECT_FALSE(delivery_url(other)) << other;
  }
}

}  // namespace
}  // namespace hekto::domain
