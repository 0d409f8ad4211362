// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/sample_value.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "domain/openapi.h"

namespace hekto::runners {

using domain::Value;

namespace {

constexpr int kMaxDepth = 8;  // a schema may refer to itself

double number_of(const Value& schema, std::string_view name, double fallback) {
  const Value* value = schema.find(name);
  return value != nullptr && value->is_number() ? value->number() : fallback;
}

std::size_t size_of(const Value& schema, std::string_view name, std::size_t fallback) {
  return static_cast<std::size_t>(std::clamp(number_of(schema, name, static_cast<double>(fallback)), 0.0, 1e4));
}

Value sample_integer(const Value& schema, SplitMix& random) {
  const double low = std::ceil(
      std::max(number_of(schema, "minimum", -9e15), std::floor(number_of(schema, "exclusiveMinimum", -9.1e15)) + 1));
  const double high = std::floor(
      std::min(number_of(schema, "maximum", 9e15), std::ceil(number_of(schema, "exclusiveMaximum", 9.1e15)) - 1));
  const double step = std::max(1.0, number_of(schema, "multipleOf", 1));
  const double start = low > -9e15 ? low : std::min(0.0, high);
  const double room = std::clamp(high - start, 0.0, 100.0);
  const double pick = start + static_cast<double>(random.below(static_cast<std::uint64_t>(room) + 1));
  const double whole = std::ceil(start / step) * step;
  return Value(static_cast<std::int64_t>(std::max(whole, std::floor(pick / step) * step)));
}

Value sample_number(const Value& schema, SplitMix& random) {
  const double low = std::max(number_of(schema, "minimum", -1e300), number_of(schema, "exclusiveMinimum", -1e300));
  const double high = std::min(number_of(schema, "maximum", 1e300), number_of(schema, "exclusiveMaximum", 1e300));
  // A quarter to three quarters of the way is inside even when both ends are excluded.
  const double share = 0.25 + 0.5 * std::round(random.unit() * 100) / 100;
  if (low > -1e300 && high < 1e300) return Value(low + (high - low) * share);
  if (low > -1e300) return Value(low + share);
  if (high < 1e300) return Value(high - share);
  return Value(share);
}

Value sample_string(const Value& schema, const SampleContent& content) {
  const std::string& text = content.text;
  const auto format = schema.text_of("format");
  if (format == "uri") return Value(content.uri);
  if (format == "date-time") return Value("2000-01-01T00:00:00Z");
  if (format == "date") return Value("2000-01-01");
  std::string out = text;
  const auto shortest = size_of(schema, "minLength", 0);
  const auto longest = schema.find("maxLength") != nullptr ? size_of(schema, "maxLength", 0) : out.size();
  if (out.size() > longest) {
    out.resize(longest);
    while (!out.empty() && (static_cast<unsigned char>(text[out.size()]) & 0xC0) == 0x80) out.pop_back();
  }
  // Lengths count characters.
  const auto characters = static_cast<std::size_t>(
      std::ranges::count_if(out, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  if (characters < shortest) out.append(shortest - characters, '.');
  return Value(std::move(out));
}

Value sample(const Value* schema, const Value& root, const SampleContent& content, SplitMix& random, int depth) {
  schema = domain::resolve_schema(schema, root);
  if (schema == nullptr) return Value(content.text);
  for (const auto name : {"const", "default", "example"}) {
    if (const Value* value = schema->find(name); value != nullptr && !value->is_null()) return *value;
  }
  for (const auto name : {"enum", "examples"}) {
    const Value* list = schema->find(name);
    const auto* values = list != nullptr ? list->as_array() : nullptr;
    if (values != nullptr && !values->empty()) return (*values)[random.below(values->size())];
  }
  if (depth >= kMaxDepth) return Value(nullptr);
  for (const auto name : {"anyOf", "oneOf"}) {
    const Value* list = schema->find(name);
    const auto* choices = list != nullptr ? list->as_array() : nullptr;
    if (choices == nullptr || choices->empty()) continue;
    const auto real = std::ranges::find_if(*choices, [](const Value& c) { return c.text_of("type") != "null"; });
    return sample(real != choices->end() ? &*real : &choices->front(), root, content, random, depth + 1);
  }
  const auto type = schema->text_of("type");
  if (type == "integer") return sample_integer(*schema, random);
  if (type == "number") return sample_number(*schema, random);
  if (type == "boolean") return Value(random.below(2) == 0);
  if (type == "null") return Value(nullptr);
  if (type == "array") {
    Value::Array items;
    const Value* each = domain::resolve_schema(schema->find("items"), root);
    const auto usual = each != nullptr && each->text_of("type") == "number" ? content.numbers : 2;
    const auto count = std::clamp(usual, std::max<std::size_t>(size_of(*schema, "minItems", 1), 1),
                                  std::max<std::size_t>(size_of(*schema, "maxItems", 10000), 1));
    while (items.size() < count) items.push_back(sample(schema->find("items"), root, content, random, depth + 1));
    return Value(std::move(items));
  }
  if (type == "object" || schema->find("properties") != nullptr) {
    Value::Object members;
    const Value* properties = schema->find("properties");
    if (properties != nullptr && properties->as_object() != nullptr) {
      for (const auto& [name, part] : *properties->as_object()) {
        members.emplace_back(name, sample(&part, root, content, random, depth + 1));
      }
    }
    return Value(std::move(members));
  }
  return sample_string(*schema, content);
}

}  // namespace

Value sample_value(const Value* schema, const Value& root, const SampleContent& content, SplitMix& random) {
  return sample(schema, root, content, random, 0);
}

}  // namespace hekto::runners
