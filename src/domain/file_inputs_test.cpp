// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "domain/data_url.h"
#include "domain/schema.h"

namespace hekto::domain {
namespace {

using Pointers = std::vector<std::string>;

Value object(Value::Object members) { return Value(std::move(members)); }
Value uri() { return object({{"type", "string"}, {"format", "uri"}}); }

Schema schema(Value::Object properties) {
  const Value root = object({{"components", object({{"schemas", object({{"picture", uri()}})}})}});
  return Schema::compile(object({{"type", "object"}, {"properties", object(std::move(properties))}}), root).value();
}

/// The pointers alone.
Pointers places(const Schema& s, const Value& input) {
  Pointers out;
  for (const auto& uri : s.uris(input)) out.push_back(uri.pointer);
  return out;
}

TEST(SchemaUris, AreFoundWhereTheSchemaHasThem) {
  const auto s =
      schema({{"prompt", object({{"type", "string"}})},
              {"image", uri()},
              {"images", object({{"type", "array"}, {"items", uri()}})},
              {"by_ref", object({{"allOf", Value::Array{object({{"$ref", "#/components/schemas/picture"}})}}})},
              {"either", object({{"anyOf", Value::Array{uri(), object({{"type", "null"}})}}})},
              {"a/b~c", uri()}});
  const Value input = object({{"prompt", "https://a.example"},
                              {"images", Value::Array{"https://a.example", "https://b.example"}},
                              {"image", "https://c.example"},
                              {"by_ref", "https://d.example"},
                              {"either", "https://e.example"},
                              {"a/b~c", "https://f.example"},
                              {"unknown", "https://g.example"}});
  EXPECT_EQ(places(s, input), (Pointers{"/images/0", "/images/1", "/image", "/by_ref", "/either", "/a~1b~0c"}));
  EXPECT_EQ(s.uris(input).at(1).text, "https://b.example");
}

TEST(SchemaUris, AreTextsOnly) {
  const auto s = schema({{"image", uri()}});
  EXPECT_TRUE(s.uris(object({{"image", nullptr}})).empty());
  EXPECT_TRUE(s.uris(object({})).empty());
  EXPECT_TRUE(s.uris("https://a.example").empty());
  EXPECT_TRUE(Schema().uris(object({{"image", "https://a.example"}})).empty());
}

TEST(DataUrl, CarriesBytesInBothForms) {
  const auto base64 = parse_data_url("data:image/png;base64,iVBORw==").value();
  EXPECT_EQ(base64.content_type, "image/png");
  EXPECT_EQ(base64.bytes, "\x89PNG");
  EXPECT_EQ(parse_data_url("DATA:image/png;BASE64,iVBORw").value().bytes, "\x89PNG") << "padding may be missing";
  EXPECT_EQ(parse_data_url("data:image/png;base64,iVBORw%3D%3D").value().bytes, "\x89PNG");
  const auto text = parse_data_url("data:text/plain;charset=utf-8,a%20b+c,d").value();
  EXPECT_EQ(text.content_type, "text/plain;charset=utf-8");
  EXPECT_EQ(text.bytes, "a b+c,d");
  EXPECT_EQ(parse_data_url("data:;charset=utf-8,x").value().content_type, "text/plain;charset=utf-8");
  EXPECT_EQ(parse_data_url("data:,").value().content_type, "");
  EXPECT_EQ(parse_data_url("data:;base64,").value().bytes, "");
}

TEST(DataUrl, IsRefusedWithoutRepeatingIt) {
  for (const char* url : {"", "data", "http://x", "data:image/png;base64", "data:image/png;base64,secret!",
                          "data:no-type,x", "data:image/png\nx,y", "data:,%zz", "data:;base64,%zz", "data:;base64,A"}) {
    const auto read = parse_data_url(url);
    ASSERT_FALSE(read) << url;
    EXPECT_EQ(read.error().message.find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace hekto::domain
