// SPDX-License-Identifier: Apache-2.0
#include "http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hekto::http {
namespace {

using testing::HasSubstr;

std::string part(const std::string& head, const std::string& body) {
  return "--b0\r\n" + head + "\r\n\r\n" + body + "\r\n";
}
std::string content(const std::string& disposition) { return "Content-Disposition: form-data; " + disposition; }

/// "name|filename|type|body" of each part; what was wrong otherwise.
std::vector<std::string> read(const std::string& form) {
  const auto parts = parse_form(form, "b0");
  if (!parts) return {parts.error().message};
  std::vector<std::string> out;
  for (const auto& p : *parts) {
    out.push_back(p.name + "|" + p.filename.value_or("-") + "|" + p.content_type + "|" + std::string(p.body));
  }
  return out;
}

/// The file name that a part with this disposition is read to have.
std::string filename(const std::string& disposition) {
  const auto parts = parse_form(part(content("name=x; " + disposition), "") + "--b0--", "b0");
  return parts ? parts->at(0).filename.value_or("-") : parts.error().message;
}

TEST(FormBoundary, IsFoundInAnySpelling) {
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(form_boundary("Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"a b:c\""), "a b:c");
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=----WebKitFormBoundary7"), "----WebKitFormBoundary7");
}

TEST(FormBoundary, IsNotFoundWhereThereIsNone) {
  for (const std::string type :
       {"", "multipart/form-data", "multipart/mixed; boundary=abc", "application/json; boundary=abc",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=\"a \"", "multipart/form-data boundary=abc"}) {
    EXPECT_EQ(form_boundary(type), std::nullopt) << type;
  }
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=" + std::string(71, 'a')), std::nullopt);
}

TEST(Form, GivesItsPartsInOrder) {
  const auto form =
      part(content("name=\"metadata\"; filename=\"blob\"") + "\r\nContent-Type: application/json", "{}") +
      part(content("name=\"content\"; filename=\"fox.png\"") + "\r\ncontent-type:image/png", "\r\n\0--b0") +
      part("x-other: 1\r\n" + content("name=type"), "") + "--b0--\r\n";
  EXPECT_EQ(read(form), (std::vector<std::string>{"metadata|blob|application/json|{}",
                                                  "content|fox.png|image/png|" + std::string("\r\n"), "type|-||"}));
}

TEST(Form, KeepsContentThatLooksLikeABoundary) {
  for (const std::string body :
       {"x--b0", "\r\n--b0x", "\r\n-b0", "\r\n--b", "\n--b0\n", "\r\n", "\r\n\r\n", "", "x--b0--"}) {
    EXPECT_EQ(read(part(content("name=x"), body) + "--b0--"), std::vector<std::string>{"x|-||" + body}) << body;
  }
}

TEST(Form, IgnoresWhatStandsAroundIt) {
  const auto inner = part(content("name=x"), "1");
  EXPECT_EQ(read("preamble\r\n" + inner + "--b0--\r\nepilogue\r\n--b0\r\n"), std::vector<std::string>{"x|-||1"});
  EXPECT_EQ(read("\r\n" + inner + "--b0--"), std::vector<std::string>{"x|-||1"});
  EXPECT_EQ(read("--b0 \t\r\n" + inner.substr(6) + "--b0--"), std::vector<std::string>{"x|-||1"})
      << "blanks may follow";
  EXPECT_TRUE(read("--b0--").empty());
}

TEST(Form, ReadsFileNamesAsClientsWriteThem) {
  EXPECT_EQ(filename("filename=\"a b.png\""), "a b.png");
  EXPECT_EQ(filename("filename=plain.png"), "plain.png");
  EXPECT_EQ(filename(R"(filename="a\"b\\c.png")"), "a\"b\\c.png");
  EXPECT_EQ(filename(R"(filename="C:\temp\fox.png")"), R"(C:\temp\fox.png)");
  EXPECT_EQ(filename("filename=\"a%22b%41.png\""), "a\"b%41.png");
  EXPECT_EQ(filename("filename=\"x\"; filename*=UTF-8''c%C3%A1o.png"), "c\xC3\xA1o.png");
  EXPECT_EQ(filename("filename*=utf-8'vi'a.png"), "a.png");
  EXPECT_EQ(filename("filename=\"x\"; filename*=latin1''%E1.png"), "x");
  EXPECT_EQ(filename("filename=\"\""), "");
  EXPECT_EQ(filename("other=1;"), "-");
}

TEST(Form, RefusesWhatIsNoForm) {
  const auto good = part(content("name=x"), "1");
  for (const std::string& form : std::vector<std::string>{
           "", "x", good, good + "--b0", good + "--b0-", "--b1--", part("", "1") + "--b0--",
           part("Content-Type: text/plain", "1") + "--b0--",
           part("Content-Disposition: attachment; name=x", "") + "--b0--", part(content("filename=x"), "") + "--b0--",
           part(content("name=x; name=y"), "") + "--b0--", part(content("name=\"x"), "") + "--b0--",
           part(content("name"), "") + "--b0--", part("no colon\r\n" + content("name=x"), "") + "--b0--",
           "--b0\r\n" + content("name=x") + "\r\n--b0--",
           part(content("name=x") + "\r\n" + content("name=x"), "") + "--b0--",
           part(content("name=x") + "\r\nContent-Transfer-Encoding: base64", "eA==") + "--b0--"}) {
    ASSERT_EQ(read(form).size(), 1u) << form;
    EXPECT_THAT(read(form)[0], HasSubstr("malformed")) << form;
  }
}

TEST(Form, HasABoundOfPartsAndHeads) {
  std::string many;
  for (std::size_t i = 0; i < kMaxFormParts; ++i) many += part(content("name=x"), "");
  EXPECT_EQ(read(many + "--b0--").size(), kMaxFormParts);
  EXPECT_THAT(read(many + part(content("name=x"), "") + "--b0--")[0], HasSubstr("too many"));
  const std::string long_head = "x: " + std::string(kMaxPartHead, 'a') + "\r\n" + content("name=x");
  EXPECT_THAT(read(part(long_head, "") + "--b0--")[0], HasSubstr("headers"));
}

}  // namespace
}  // namespace hekto::http
