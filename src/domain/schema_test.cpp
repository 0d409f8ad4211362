// SPDX-License-Identifier: Apache-2.0
#include "domain/schema.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/schema_text.h"

namespace hekto::domain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Problems = std::vector<FieldProblem>;

Value object(std::initializer_list<Value::Member> members) { return Value::Object(members); }
Value array(std::initializer_list<Value> items) { return Value::Array(items); }

Problems check(const Value& schema, const Value& value, const std::string& path = "input") {
  const auto compiled = Schema::compile(schema, schema);
  EXPECT_TRUE(compiled) << compiled.error().message;
  return compiled ? compiled->check(value, path) : Problems{};
}

std::string compile_error(const Value& schema) {
  const auto compiled = Schema::compile(schema, schema);
  if (compiled) return "";
  EXPECT_EQ(compiled.error().code, ErrorCode::invalid_input);
  return compiled.error().message;
}

/// The problems of {"x": value} where property x has `schema`.
Problems check_x(const Value& schema, const Value& value) {
  return check(object({{"type", "object"}, {"properties", object({{"x", schema}})}}), object({{"x", value}}));
}

FieldProblem x(std::string type, std::string description) {
  return {std::move(type), "input.x", std::move(description)};
}

struct Row {
  const char* name;
  Value schema;
  Value wrong;
  Value right;
  FieldProblem problem;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class Wording : public testing::TestWithParam<Row> {};

TEST_P(Wording, IsTheOfficialOne) {
  const Row& row = GetParam();
  EXPECT_THAT(check_x(row.schema, row.wrong), ElementsAre(row.problem));
  EXPECT_THAT(check_x(row.schema, row.right), IsEmpty());
}

std::vector<Row> rows() {
  const Value text = object({{"type", "string"}});
  const Value whole = object({{"type", "integer"}});
  return {
      {"Type", whole, "4", 4, x("invalid_type", "Invalid type. Expected: integer, given: string")},
      {"Types", object({{"type", array({"string", "null"})}}), 1, "a",
       x("invalid_type", "Invalid type. Expected: [string,null], given: integer")},
      {"FractionForInteger", whole, 4.5, 4.0, x("invalid_type", "Invalid type. Expected: integer, given: number")},
      {"WholeNumberForString", text, 4.0, "", x("invalid_type", "Invalid type. Expected: string, given: integer")},
      {"BooleanForString", text, true, "", x("invalid_type", "Invalid type. Expected: string, given: boolean")},
      {"ArrayForNumber", object({{"type", "number"}}), array({}), 1,
       x("invalid_type", "Invalid type. Expected: number, given: array")},
      {"ObjectForArray", object({{"type", "array"}}), object({}), array({}),
       x("invalid_type", "Invalid type. Expected: array, given: object")},
      {"StringForObject", object({{"type", "object"}}), "", object({}),
       x("invalid_type", "Invalid type. Expected: object, given: string")},
      {"NumberForBoolean", object({{"type", "boolean"}}), 1, false,
       x("invalid_type", "Invalid type. Expected: boolean, given: integer")},
      {"NullForOtherTypes",
       object({{"type", "array"}, {"items", whole}}),
       array({nullptr}),
       array({1}),
       {"invalid_type", "input.x.0", "Invalid type. Expected: integer, given: null"}},
      {"HugeNumberIsWhole", text, 1e300, "", x("invalid_type", "Invalid type. Expected: string, given: integer")},
      {"Enum", object({{"enum", array({"webp", "jpg"})}}), "gif", "jpg",
       x("enum", "x must be one of the following: \"webp\", \"jpg\"")},
      {"MixedEnum", object({{"enum", array({1, 2.5, true, nullptr, "<"})}}), 3, 1.0,
       x("enum", "x must be one of the following: 1, 2.5, true, null, \"\\u003c\"")},
      {"Minimum", object({{"minimum", 1}}), 0, 1, x("number_gte", "Must be greater than or equal to 1")},
      {"Maximum", object({{"maximum", 4}}), 4.01, 4, x("number_lte", "Must be less than or equal to 4")},
      {"FractionLimit", object({{"maximum", 0.25}}), 1, 0.25, x("number_lte", "Must be less than or equal to 0.25")},
      {"WholeDoubleLimit", object({{"minimum", 2.0}}), 1, 2, x("number_gte", "Must be greater than or equal to 2")},
      {"LargeLimit", object({{"maximum", std::int64_t{2147483647}}}), 3e9, 5,
       x("number_lte", "Must be less than or equal to 2.147483647e+09")},
      {"ExclusiveMinimum", object({{"exclusiveMinimum", 0}}), 0, 0.1, x("number_gt", "Must be greater than 0")},
      {"ExclusiveMaximum", object({{"exclusiveMaximum", 1.5}}), 1.5, 1, x("number_lt", "Must be less than 1.5")},
      {"OpenApiExclusiveMinimum", object({{"minimum", 0}, {"exclusiveMinimum", true}}), 0, 1,
       x("number_gt", "Must be greater than 0")},
      {"OpenApiInclusiveMaximum", object({{"maximum", 2}, {"exclusiveMaximum", false}}), 3, 2,
       x("number_lte", "Must be less than or equal to 2")},
      {"MultipleOf", object({{"multipleOf", 8}}), 12, 64, x("multiple_of", "Must be a multiple of 8")},
      {"MultipleOfLargeExponent", object({{"multipleOf", 1e3}}), std::int64_t{9007199254740993},
       std::int64_t{9007199254741000}, x("multiple_of", "Must be a multiple of 1000")},
      {"MultipleOfFraction", object({{"multipleOf", 0.1}}), 0.35, 0.3, x("multiple_of", "Must be a multiple of 0.1")},
      {"MinLength", object({{"minLength", 2}}), "a", "ab",
       x("string_gte", "String length must be greater than or equal to 2")},
      {"MaxLength", object({{"maxLength", 2}}), "abc", "ab",
       x("string_lte", "String length must be less than or equal to 2")},
      {"LengthInCharacters", object({{"maxLength", 2}}), "\xC3\xA9\xC3\xA9\xC3\xA9", "\xC3\xA9\xC3\xA9",
       x("string_lte", "String length must be less than or equal to 2")},
      {"Pattern", object({{"pattern", "^a+$"}}), "ab", "aa", x("pattern", "Does not match pattern '^a+$'")},
      {"Format", object({{"format", "uri"}}), "", "https://a.example/b.png",
       x("format", "Does not match format 'uri'")},
      {"FormatOtherThanUri", object({{"format", "uuid"}}), "7", "123e4567-e89b-12d3-a456-426614174000",
       x("format", "Does not match format 'uuid'")},
      {"FormatOfATextAlone", object({{"format", "date"}, {"type", array({"string", "integer"})}}), "7", 7,
       x("format", "Does not match format 'date'")},
      {"MinProperties", object({{"minProperties", 2}}), object({{"a", 1}}), object({{"a", 1}, {"b", 2}}),
       x("array_min_properties", "Must have at least 2 properties")},
      {"MaxProperties", object({{"maxProperties", 1}}), object({{"a", 1}, {"b", 2}}), object({{"a", 1}}),
       x("array_max_properties", "Must have at most 1 properties")},
      {"MinItems", object({{"minItems", 1}}), array({}), array({1}),
       x("array_min_items", "Array must have at least 1 items")},
      {"MaxItems", object({{"maxItems", 1}}), array({1, 2}), array({1}),
       x("array_max_items", "Array must have at most 1 items")},
      {"UniqueItems", object({{"uniqueItems", true}}), array({1, "a", 1.0}), array({1, "1"}),
       x("unique", "array items[0,2] must be unique")},
      {"Const", object({{"const", object({{"b", 1}, {"a", "z"}})}}), "q", object({{"a", "z"}, {"b", 1.0}}),
       x("const", "x does not match: {\"a\":\"z\",\"b\":1}")},
      {"OneOfBoth", object({{"oneOf", array({text, object({{"minLength", 2}})})}}), "ab", "a",
       x("number_one_of", "Must validate one and only one schema (oneOf)")},
      {"Not", object({{"not", text}}), "a", 1, x("number_not", "Must not validate the schema (not)")},
  };
}

INSTANTIATE_TEST_SUITE_P(Schema, Wording, testing::ValuesIn(rows()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Schema, NamesAMissingPropertyInItsParent) {
  const Value schema = object({{"required", array({"prompt", "seed"})}});
  EXPECT_THAT(check(schema, object({{"seed", 1}})),
              ElementsAre(FieldProblem{"required", "input", "prompt is required"}));
  EXPECT_THAT(check(schema, object({{"seed", 1}}), ""),
              ElementsAre(FieldProblem{"required", "", "prompt is required"}));
}

TEST(Schema, RefusesAdditionalPropertiesOnlyWhenTheSchemaIsClosed) {
  const Value known = object({{"version", object({{"type", "string"}})}});
  const Value body = object({{"model", "a/b"}, {"version", "v"}});
  EXPECT_THAT(check(object({{"properties", known}}), body, ""), IsEmpty());
  EXPECT_THAT(
      check(object({{"properties", known}, {"additionalProperties", false}}), body, ""),
      ElementsAre(FieldProblem{"additional_property_not_allowed", "", "Additional property model is not allowed"}));
  EXPECT_THAT(
      check(object({{"properties", known}, {"additionalProperties", object({{"type", "integer"}})}}), body),
      ElementsAre(FieldProblem{"invalid_type", "input.model", "Invalid type. Expected: integer, given: string"}));
}

TEST(Schema, TellsAggregatesTogetherWithTheClosestAlternative) {
  const Value schema =
      object({{"anyOf", array({object({{"type", "string"}}), object({{"type", "integer"}, {"maximum", 3}})})}});
  EXPECT_THAT(check_x(schema, 2), IsEmpty());
  EXPECT_THAT(check_x(schema, 5), ElementsAre(x("number_any_of", "Must validate at least one schema (anyOf)"),
                                              x("number_lte", "Must be less than or equal to 3")));
  const Value one = object({{"oneOf", *schema.find("anyOf")}});
  EXPECT_THAT(check_x(one, 5), ElementsAre(x("number_one_of", "Must validate one and only one schema (oneOf)"),
                                           x("number_lte", "Must be less than or equal to 3")));
}

TEST(Schema, TellsAllOfOnlyWhenItJoinsSeveralSchemas) {
  const Value low = object({{"minimum", 5}});
  const Value even = object({{"multipleOf", 2}});
  EXPECT_THAT(
      check_x(object({{"allOf", array({low, even})}}), 3),
      ElementsAre(x("number_gte", "Must be greater than or equal to 5"), x("multiple_of", "Must be a multiple of 2"),
                  x("number_all_of", "Must validate all the schemas (allOf)")));
  EXPECT_THAT(check_x(object({{"allOf", array({low})}}), 3),
              ElementsAre(x("number_gte", "Must be greater than or equal to 5")));
}

TEST(Schema, FollowsReferencesToEnumsAndTellsOnlyTheEnumProblem) {
  const Value format =
      object({{"allOf", array({object({{"$ref", "#/components/schemas/output_format"}})})}, {"default", "webp"}});
  const Value input = object({{"type", "object"}, {"properties", object({{"output_format", format}})}});
  const Value choices = object({{"type", "string"}, {"enum", array({"webp", "jpg", "png"})}});
  const Value root =
      object({{"components", object({{"schemas", object({{"Input", input}, {"output_format", choices}})}})}});
  const auto schema = Schema::compile(input, root);
  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_THAT(schema->check(object({{"output_format", "gif"}}), "input"),
              ElementsAre(FieldProblem{"enum", "input.output_format",
                                       "output_format must be one of the following: \"webp\", \"jpg\", \"png\""}));
}

TEST(Schema, TellsEveryProblemAtOnceInTheOrderOfTheSchema) {
  const Value schema = object({{"type", "object"},
                               {"required", array({"prompt"})},
                               {"additionalProperties", false},
                               {"properties", object({{"prompt", object({{"type", "string"}})},
                                                      {"steps", object({{"type", "integer"}, {"maximum", 4}})},
                                                      {"seed", object({{"type", "integer"}})}})}});
  const Problems problems = check(schema, object({{"seed", "x"}, {"steps", 50}, {"size", 1}}));
  EXPECT_EQ(problems_to_detail(problems),
            "- input: prompt is required\n"
            "- input: Additional property size is not allowed\n"
            "- input.steps: Must be less than or equal to 4\n"
            "- input.seed: Invalid type. Expected: integer, given: string\n");
}

TEST(Schema, WritesDetailLinesWithoutAFieldForTheRoot) {
  EXPECT_EQ(problems_to_detail({{"required", "", "version is required"}}), "- version is required\n");
  EXPECT_EQ(problems_to_detail({}), "");
}

TEST(Schema, NamesArrayElementsByTheirIndex) {
  const Value images =
      object({{"type", "array"}, {"items", object({{"type", "string"}, {"format", "uri"}, {"enum", array({"a:b"})}})}});
  const Value schema = object({{"properties", object({{"images", images}})}});
  EXPECT_THAT(
      check(schema, object({{"images", array({"nope", "a:b", 7})}})),
      ElementsAre(FieldProblem{"enum", "input.images.0", "images.0 must be one of the following: \"a:b\""},
                  FieldProblem{"format", "input.images.0", "Does not match format 'uri'"},
                  FieldProblem{"invalid_type", "input.images.2", "Invalid type. Expected: string, given: integer"}));
  EXPECT_THAT(check(schema, object({{"images", array({true})}}), ""),
              ElementsAre(FieldProblem{"invalid_type", "images.0", "Invalid type. Expected: string, given: boolean"}));
}

TEST(Schema, TellsTheProblemsOfOneTextInTheOfficialOrder) {
  const Value schema = object({{"pattern", "^z"},
                               {"maxLength", 1},
                               {"format", "uri"},
                               {"enum", array({"z"})},
                               {"const", "y"},
                               {"not", object({{"type", "string"}})}});
  EXPECT_THAT(check_x(schema, "abc"),
              ElementsAre(x("number_not", "Must not validate the schema (not)"), x("const", "x does not match: \"y\""),
                          x("enum", "x must be one of the following: \"z\""),
                          x("string_lte", "String length must be less than or equal to 1"),
                          x("pattern", "Does not match pattern '^z'"), x("format", "Does not match format 'uri'")));
}

TEST(Schema, TellsTheProblemsOfOneNumberInTheOfficialOrder) {
  const Value schema =
      object({{"minimum", 10}, {"maximum", 2}, {"exclusiveMinimum", 9}, {"exclusiveMaximum", 3}, {"multipleOf", 2}});
  EXPECT_THAT(
      check_x(schema, 5),
      ElementsAre(x("multiple_of", "Must be a multiple of 2"), x("number_lte", "Must be less than or equal to 2"),
                  x("number_lt", "Must be less than 3"), x("number_gte", "Must be greater than or equal to 10"),
                  x("number_gt", "Must be greater than 9")));
}

TEST(Schema, CountsTheMembersOfAnObjectBeforeNamingThem) {
  const Value schema = object({{"minProperties", 3}, {"required", array({"a"})}, {"additionalProperties", false}});
  EXPECT_THAT(
      check(schema, object({{"b", 1}})),
      ElementsAre(FieldProblem{"array_min_properties", "input", "Must have at least 3 properties"},
                  FieldProblem{"required", "input", "a is required"},
                  FieldProblem{"additional_property_not_allowed", "input", "Additional property b is not allowed"}));
}

TEST(Schema, CallsTheCheckedValueItselfRoot) {
  EXPECT_THAT(check(object({{"enum", array({1})}}), 2),
              ElementsAre(FieldProblem{"enum", "input", "(root) must be one of the following: 1"}));
  EXPECT_THAT(check(object({{"type", "object"}}), array({})),
              ElementsAre(FieldProblem{"invalid_type", "input", "Invalid type. Expected: object, given: array"}));
}

TEST(Schema, TakesNullForAnOptionalPropertyAsAbsent) {
  const Value text = object({{"type", "string"}});
  const Value open = object({{"properties", object({{"a", text}})}});
  const Value strict = object({{"properties", object({{"a", text}})}, {"required", array({"a"})}});
  const Value nullable = object(
      {{"properties", object({{"a", object({{"type", "string"}, {"nullable", true}})}})}, {"required", array({"a"})}});
  const Value none = object({{"a", nullptr}});
  EXPECT_THAT(check(open, none), IsEmpty());
  EXPECT_THAT(check(strict, none),
              ElementsAre(FieldProblem{"invalid_type", "input.a", "Invalid type. Expected: string, given: null"}));
  EXPECT_THAT(check(nullable, none), IsEmpty());
}

TEST(Schema, ComparesWholeNumbersBeyondThePrecisionOfDoubles) {
  const auto max = std::numeric_limits<std::int64_t>::max();
  const Value schema = object({{"maximum", max - 1}});
  EXPECT_THAT(check(schema, max - 1), IsEmpty());
  EXPECT_THAT(check(schema, max), testing::SizeIs(1));
}

TEST(Schema, AcceptsEverythingByDefault) {
  EXPECT_THAT(Schema().check(object({{"a", nullptr}}), "input"), IsEmpty());
  EXPECT_THAT(check(true, 1), IsEmpty());
  EXPECT_THAT(check(false, 1), ElementsAre(FieldProblem{"false", "input", "False always fails validation"}));
}

TEST(Schema, LooksEachMemberOfAHugeObjectUpOnce) {
  Value::Object schema_properties;
  for (int i = 0; i < 1000; ++i) schema_properties.emplace_back("p" + std::to_string(i), object({{"type", "integer"}}));
  Value::Object value;
  for (int i = 0; i < 200'000; ++i) value.emplace_back("unknown" + std::to_string(i), i);
  value.emplace_back("p7", "x");
  // Looking 1000 names up in 200,001 members one by one would take minutes with sanitizers.
  EXPECT_THAT(check(object({{"properties", schema_properties}}), value), testing::SizeIs(1));
}

TEST(SchemaCompile, RefusesKeywordsOfAWrongType) {
  EXPECT_THAT(compile_error(3), HasSubstr("neither an object nor a boolean"));
  for (const auto& [keyword, value] : Value::Object{{"type", 1},
                                                    {"type", "text"},
                                                    {"type", array({})},
                                                    {"properties", array({})},
                                                    {"properties", object({{"a", 1}})},
                                                    {"required", "a"},
                                                    {"required", array({1})},
                                                    {"additionalProperties", "no"},
                                                    {"items", array({})},
                                                    {"enum", array({})},
                                                    {"minimum", "1"},
                                                    {"exclusiveMaximum", "1"},
                                                    {"multipleOf", 0},
                                                    {"minLength", -1},
                                                    {"maxItems", 1.5},
                                                    {"minProperties", -1},
                                                    {"maxProperties", "1"},
                                                    {"uniqueItems", 1},
                                                    {"nullable", "yes"},
                                                    {"pattern", "("},
                                                    {"pattern", 1},
                                                    {"format", 1},
                                                    {"allOf", object({})},
                                                    {"anyOf", array({})},
                                                    {"not", 1},
                                                    {"$ref", 1}}) {
    EXPECT_NE(compile_error(object({{keyword, value}})), "") << keyword;
  }
}

TEST(SchemaCompile, RefusesReferencesThatDoNotResolve) {
  EXPECT_THAT(compile_error(object({{"$ref", "#/nowhere"}})), HasSubstr("'#/nowhere' does not resolve"));
  EXPECT_THAT(compile_error(object({{"$ref", "https://a.example/schema"}})), HasSubstr("does not resolve"));
  const Value escaped = object({{"a/b~c", object({{"type", "string"}})}, {"items", object({{"$ref", "#/a~1b~0c"}})}});
  EXPECT_EQ(compile_error(escaped), "");
}

TEST(SchemaCompile, RefusesEndlessReferences) {
  EXPECT_THAT(compile_error(object({{"$ref", "#"}})), HasSubstr("deeper than 32"));
  EXPECT_THAT(compile_error(object({{"items", object({{"$ref", "#"}})}})), HasSubstr("deeper than 32"));
}

TEST(SchemaCompile, RefusesASmallSchemaThatUnfoldsToAHugeOne) {
  Value::Object root;
  for (int i = 0; i < 30; ++i) {
    const Value next = object({{"$ref", "#/s" + std::to_string(i + 1)}});
    root.emplace_back("s" + std::to_string(i), object({{"allOf", array({next, next})}}));
  }
  root.emplace_back("s30", object({}));
  root.emplace_back("$ref", "#/s0");
  EXPECT_THAT(compile_error(root), HasSubstr("larger than"));
}

TEST(Uri, IsAnythingWithASchemeThatParses) {
  for (const char* good :
       {"https://a.example/b%20c?q=%zz#f", "http://u:p@a.example:8080/", "data:image/png;base64,AA==", "mailto:a@b",
        "file:///etc/x", "http:", "s3://bucket/key", "x+1.y-z:q", "http://[::1]:80/", "http://[fe80::1%25en0]/",
        "HTTP://A", "data:,a b", "http://\xC3\xA9.example", "file:////x", "a:/b c"}) {
    EXPECT_TRUE(is_absolute_uri(good)) << good;
  }
  for (const char* bad : {"",
                          "a",
                          "/path",
                          "//host/x",
                          "a.png",
                          ":x",
                          "1http://a",
                          "ht tp://a",
                          "http://a b/",
                          "http://a/%zz",
                          "http://a/\\b",
                          "http://a:b/",
                          "http://[::1/",
                          "http://a\n",
                          "http://a#%",
                          "http://%41.example/",
                          "http://a{b}/",
                          "http://<u>@a/",
                          "\xC3\xA9:x",
                          "http://a/%4"}) {
    EXPECT_FALSE(is_absolute_uri(bad)) << bad;
  }
}

TEST(LimitText, FollowsBigFloat) {
  EXPECT_EQ(limit_text(999'999), "999999");
  EXPECT_EQ(limit_text(1'000'000), "1e+06");
  EXPECT_EQ(limit_text(-1.5), "-1.5");
  EXPECT_EQ(limit_text(0), "0");
  EXPECT_EQ(limit_text(0.0001), "0.0001");
  EXPECT_EQ(limit_text(0.00005), "5e-05");
  EXPECT_EQ(limit_text(1e100), "1e+100");
}

}  // namespace
}  // namespace hekto::domain
