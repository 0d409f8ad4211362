// SPDX-License-Identifier: Apache-2.0
#include "domain/file.h"

#include <set>

#include <gtest/gtest.h>

#include "base/ids.h"
#include "domain/link.h"

namespace hekto::domain {
namespace {

constexpr std::string_view kId = "0123456789abcdefghjkmnpqr0";

TEST(FileId, IsAnIdWithoutAnythingInCommon) {
  std::set<std::string> beginnings;
  for (int i = 0; i < 50; ++i) {
    const auto id = new_file_id();
    EXPECT_TRUE(is_id(id)) << id;
    beginnings.insert(id.substr(0, 8));
  }
  EXPECT_EQ(beginnings.size(), 50u) << "a time in front would make neighbours look alike";
}

TEST(FileId, CannotBeTakenForAStreamToken) {
  const LinkSigner signer(Secret("key"));
  EXPECT_NE(signer.token({LinkKind::file_stream, std::string(kId), 0}).size(), new_file_id().size());
  EXPECT_EQ(signer.token({LinkKind::file_stream, std::string(kId), 0}).size(), kLinkTokenLength);
}

TEST(FileUrl, IsRecognisedUnderEveryMountAndOrigin) {
  for (const std::string mount : {"/v1", "/replicate/v1", "/v1/v1", "/replicate/v1/v1", "/replicate"}) {
    for (const std::string origin : {"http://127.0.0.1:8080", "https://hekto.example", "http://[::1]:1"}) {
      const std::string url = origin + mount + "/files/" + std::string(kId);
      EXPECT_EQ(file_id_of_url(url), kId) << url;
      EXPECT_EQ(file_id_of_url(url + "/download?owner=a&expiry=1&signature=x"), kId) << url;
      EXPECT_EQ(file_id_of_url(url + "?x=1#y"), kId) << url;
    }
  }
}

TEST(FileUrl, IsNothingElse) {
  const std::string id(kId);
  for (const std::string& url : std::vector<std::string>{
           "", "http://h", "http://h/v1/files/", "http://h/v1/files/short", "ftp://h/v1/files/" + id, "/v1/files/" + id,
           "http://h/files/" + id, "http://h/x/v1/files/" + id, "http://h/v1/files/" + id + "/x",
           "http://h/v1/files/" + id + "a", "http://h/v1/predictions/" + id, "data:text/plain,http://h/v1/files/" + id,
           "http://h/?u=/v1/files/" + id}) {
    EXPECT_EQ(file_id_of_url(url), std::nullopt) << url;
  }
}

TEST(FileName, LosesEverythingThatCouldMeanSomethingElsewhere) {
  EXPECT_EQ(clean_file_name("fox.png"), "fox.png");
  EXPECT_EQ(clean_file_name("/etc/passwd"), "passwd");
  EXPECT_EQ(clean_file_name("C:\\pictures\\fox.png"), "fox.png");
  EXPECT_EQ(clean_file_name("a\r\nb\x7F"), "ab");
  for (const std::string name : {"", ".", "..", "dir/", "\x01"}) EXPECT_EQ(clean_file_name(name), "file") << name;
  EXPECT_EQ(clean_file_name("c\xC3\xA1o.png"), "c\xC3\xA1o.png");
  EXPECT_EQ(clean_file_name("a\xFF.png"), "a.png");
}

TEST(FileName, IsCutBetweenCharacters) {
  std::string name = "x";
  for (int i = 0; i < 200; ++i) name += "\xC3\xA1";
  const auto cut = clean_file_name(name);
  EXPECT_EQ(cut, name.substr(0, 255));
  EXPECT_EQ(clean_file_name("x" + name).size(), 254u) << "half a character does not stay";
}

TEST(FileSigner, SignsOwnerIdAndExpiryTogether) {
  const FileSigner signer(Secret("secret"));
  const auto signature = signer.signature("acme", kId, 1'800'000'000);
  EXPECT_TRUE(signer.verify("acme", kId, 1'800'000'000, signature));
  EXPECT_FALSE(signer.verify("acmf", kId, 1'800'000'000, signature));
  EXPECT_FALSE(signer.verify("acme", "1123456789abcdefghjkmnpqr0", 1'800'000'000, signature));
  EXPECT_FALSE(signer.verify("acme", kId, 1'800'000'001, signature));
  EXPECT_FALSE(signer.verify("acme", kId, 1'800'000'000, ""));
  EXPECT_FALSE(FileSigner(Secret("other")).verify("acme", kId, 1'800'000'000, signature));
}

TEST(FileSigner, WritesTheOfficialForm) {
  // printf 'acme 0123456789abcdefghjkmnpqr0 1800000000' | openssl dgst -sha256 -hmac secret -binary | base64
  EXPECT_EQ(FileSigner(Secret("secret")).signature("acme", kId, 1'800'000'000),
            "MiksLTqW49+Ck9p8aCBKZjVYFOfruXwsusZYtkSvUFA=");
}

}  // namespace
}  // namespace hekto::domain
