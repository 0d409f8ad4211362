// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/upload_form.h"

#include <gtest/gtest.h>

namespace hekto::api {
namespace {

std::string part(const std::string& disposition, const std::string& body, const std::string& type = "") {
  return "--b0\r\nContent-Disposition: form-data; " + disposition + (type.empty() ? "" : "\r\nContent-Type: " + type) +
         "\r\n\r\n" + body + "\r\n";
}

std::variant<service::NewFile, http::Response> read(const std::string& parts,
                                                    std::string_view type = "multipart/form-data; boundary=b0") {
  const std::string body = parts + "--b0--\r\n";
  http::Request request;
  request.headers.push_back({"content-type", type});
  request.body = body;
  return read_upload_form(request);
}

service::NewFile form(const std::string& parts) {
  auto result = read(parts);
  EXPECT_TRUE(std::holds_alternative<service::NewFile>(result));
  auto* file = std::get_if<service::NewFile>(&result);
  return file != nullptr ? std::move(*file) : service::NewFile{};
}

/// "<status> <body>" of the refusal.
std::string refusal(const std::string& parts) {
  const auto result = read(parts);
  const auto* response = std::get_if<http::Response>(&result);
  if (response == nullptr) return "accepted";
  return std::to_string(response->status) + " " + std::get<std::string>(response->body);
}

const std::string kContent = part("name=\"content\"; filename=\"fox.png\"", "bytes", "image/png");

TEST(UploadForm, ReadsTheShapeOfTheJavaScriptClient) {
  const auto file = form(kContent + part("name=\"metadata\"; filename=\"blob\"", R"({"a": 1})", "application/json"));
  EXPECT_EQ(file.name, "fox.png");
  EXPECT_EQ(file.content_type, "image/png");
  EXPECT_EQ(file.metadata, R"({"a":1})");
  EXPECT_EQ(file.bytes, "bytes");
}

TEST(UploadForm, ReadsTheShapeOfThePythonClientWithMetadataInFront) {
  EXPECT_EQ(form(part("name=\"metadata\"", R"({"b":{"c":[true]}})") + kContent).metadata, R"({"b":{"c":[true]}})");
}

TEST(UploadForm, ReadsTheShapeOfGeneratedClients) {
  const auto file =
      form(part("name=\"content\"; filename=\"upload\"", "bytes", "application/octet-stream") +
           part("name=filename", "fox.png") + part("name=type", "image/png") + part("name=\"metadata[a]\"", "1") +
           part("name=\"metadata[b][c]\"", "true") + part("name=\"metadata[b][d]\"", ""));
  EXPECT_EQ(file.name, "fox.png");
  EXPECT_EQ(file.content_type, "image/png");
  EXPECT_EQ(file.metadata, R"({"a":"1","b":{"c":"true","d":""}})") << "what comes as text stays text";
}

TEST(UploadForm, NeedsNothingButContent) {
  const auto file = form(part("name=content", ""));
  EXPECT_EQ(file.name, "");
  EXPECT_EQ(file.content_type, "");
  EXPECT_EQ(file.metadata, "{}");
  EXPECT_EQ(file.bytes, "");
  EXPECT_EQ(form(kContent + part("name=unknown", "x")).name, "fox.png");
}

TEST(UploadForm, IsRefusedWithTheWordsForIt) {
  EXPECT_TRUE(
      refusal(part("name=filename", "x"))
          .starts_with(R"(422 {"detail":"- content is required\n","status":422,"title":"Input validation failed")"));
  EXPECT_TRUE(refusal(kContent + part("name=metadata", "[1]"))
                  .starts_with(R"(422 {"detail":"- metadata: Invalid type. Expected: object, given: array\n")"));
  EXPECT_TRUE(refusal(kContent + part("name=filename", std::string(256, 'x'))).starts_with("422 "));
  EXPECT_TRUE(
      refusal(kContent + part("name=metadata", R"({"a":")" + std::string(70'000, 'x') + "\"}")).starts_with("422 "));
  EXPECT_TRUE(refusal(kContent + kContent).starts_with("400 "));
  for (const std::string text : {"", "{", "{}{}"}) {
    EXPECT_TRUE(refusal(kContent + part("name=metadata", text)).starts_with("400 ")) << text;
  }
  for (const std::string name : {"metadata[", "metadata[]", "metadata[a", "metadata[a]b", "metadata[\xFF]"}) {
    EXPECT_TRUE(refusal(kContent + part("name=\"" + name + "\"", "x")).starts_with("400 ")) << name;
  }
  EXPECT_TRUE(refusal("no form").starts_with("400 "));
}

TEST(UploadForm, IsToldFromOtherBodies) {
  const auto result = read("{}", "application/json");
  ASSERT_TRUE(std::holds_alternative<http::Response>(result));
  EXPECT_EQ(std::get<http::Response>(result).status, 415u);
}

}  // namespace
}  // namespace hekto::api
