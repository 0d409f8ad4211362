// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "domain/schema.h"
#include "domain/schema_node.h"
#include "domain/schema_text.h"

namespace hekto::domain {
namespace {

/// Both int64 and double fit without loss.
using Wide = long double;
static_assert(std::numeric_limits<Wide>::digits >= 64);

Wide wide(const Value& number) {
  return number.as_int() != nullptr ? static_cast<Wide>(*number.as_int()) : static_cast<Wide>(number.number());
}

bool is_whole(const Value& number) {
  return number.as_int() != nullptr || std::trunc(number.number()) == number.number();
}

/// The number where it is whole and fits, however it was written: 1e3 is as exact as 1000.
std::optional<std::int64_t> exact(const Value& number) {
  if (number.as_int() != nullptr) return *number.as_int();
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  const double n = number.number();
  return std::trunc(n) == n && n >= -kEnd && n < kEnd ? std::optional(static_cast<std::int64_t>(n)) : std::nullopt;
}

bool is_multiple(const Value& number, const Value& of) {
  const auto whole = exact(number);
  const auto whole_of = exact(of);
  if (whole && whole_of) return *whole % *whole_of == 0;
  // Decimals such as 0.3 and 0.1 are not exact in binary: a quotient this close to a whole number is one.
  const Wide quotient = wide(number) / wide(of);
  const Wide tolerance = std::abs(quotient) * 4 * std::numeric_limits<double>::epsilon();
  return std::abs(quotient - std::nearbyint(quotient)) <= tolerance;
}

std::uint64_t count_characters(std::string_view utf8) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// The TypeBits a value satisfies, and the name a problem gives it.
std::pair<unsigned, const char*> type_of(const Value& value) {
  if (value.is_null()) return {kNullType, "null"};
  if (value.as_bool() != nullptr) return {kBooleanType, "boolean"};
  if (value.as_string() != nullptr) return {kStringType, "string"};
  if (value.as_array() != nullptr) return {kArrayType, "array"};
  if (value.as_object() != nullptr) return {kObjectType, "object"};
  if (is_whole(value)) return {kIntegerType | kNumberType, "integer"};
  return {kNumberType, "number"};
}

/// What one schema says about one value. `score` grows with every part that was looked at and shrinks with every
/// problem: of several alternatives, the problems of the best one are told.
struct Outcome {
  std::vector<FieldProblem> problems;
  int score = 0;

  void merge(Outcome other) {
    std::ranges::move(other.problems, std::back_inserter(problems));
    score += other.score;
  }
};

class Checker {
 public:
  explicit Checker(const std::string& path) : path_(path) {}

  void check(const Schema::Node& node, const Value& value, Outcome& out) {
    if (node.never) return add(out, "false", "False always fails validation");
    if (value.is_null() && node.nullable) return;
    const auto [bits, name] = type_of(value);
    if (node.types != 0 && (node.types & bits) == 0) {
      return add(out, "invalid_type", "Invalid type. Expected: " + node.expected_type + ", given: " + name);
    }
    combinations(node, value, out);
    if (value.is_number()) numbers(node, value, out);
    const auto* object = value.as_object();
    const auto found = object != nullptr ? members(node, *object) : std::vector<const Value*>{};
    if (object != nullptr) presence(node, *object, found, out);
    if (const auto* array = value.as_array()) arrays(node, *array, out);
    values(node, value, out);
    if (const auto* text = value.as_string()) strings(node, *text, out);
    if (object != nullptr) properties(node, found, out);
    ++out.score;
  }

 private:
  void add(Outcome& out, std::string type, std::string description) {
    const bool joined = !path_.empty() && !relative_.empty();
    out.problems.push_back({std::move(type), path_ + (joined ? "." : "") + relative_, std::move(description)});
    out.score -= 2;
  }

  /// How a description names the value: from the root of what is checked, without `path_`.
  std::string name() const { return relative_.empty() ? "(root)" : relative_; }

  void check_member(const Schema::Node& node, const Value& value, std::string_view member, Outcome& out) {
    const auto size = relative_.size();
    if (size > 0) relative_ += '.';
    relative_ += member;
    check(node, value, out);
    relative_.resize(size);
  }

  Outcome check_apart(const Schema::Node& node, const Value& value) {
    Outcome out;
    check(node, value, out);
    return out;
  }

  void combinations(const Schema::Node& node, const Value& value, Outcome& out) {
    if (!node.any_of.empty()) {
      std::optional<Outcome> best;
      for (const auto& inner : node.any_of) {
        Outcome one = check_apart(*inner, value);
        const bool valid = one.problems.empty();
        if (valid || !best || one.score > best->score) best = std::move(one);
        if (valid) break;
      }
      if (!best->problems.empty()) {
        add(out, "number_any_of", "Must validate at least one schema (anyOf)");
        out.merge(*std::move(best));
      }
    }
    if (!node.one_of.empty()) {
      int valid = 0;
      std::optional<Outcome> best;
      for (const auto& inner : node.one_of) {
        Outcome one = check_apart(*inner, value);
        if (one.problems.empty()) {
          ++valid;
        } else if (!best || one.score > best->score) {
          best = std::move(one);
        }
      }
      if (valid != 1) add(out, "number_one_of", "Must validate one and only one schema (oneOf)");
      if (valid == 0) out.merge(*std::move(best));
    }
    all_of(node, value, out);
    if (node.none_of && check_apart(*node.none_of, value).problems.empty()) {
      add(out, "number_not", "Must not validate the schema (not)");
    }
    ++out.score;
  }

  void all_of(const Schema::Node& node, const Value& value, Outcome& out) {
    const auto before = out.problems.size();
    for (const auto& inner : node.all_of) check(*inner, value, out);
    // allOf around a single $ref is how an input names its enum: there the reference alone is meant, and a second
    // problem about "all the schemas" would tell nothing.
    if (node.all_of.size() > 1 && out.problems.size() > before) {
      add(out, "number_all_of", "Must validate all the schemas (allOf)");
    }
  }

  void numbers(const Schema::Node& node, const Value& value, Outcome& out) {
    const Wide n = wide(value);
    if (node.multiple_of && !is_multiple(value, *node.multiple_of)) {
      add(out, "multiple_of", "Must be a multiple of " + limit_text(*node.multiple_of));
    }
    if (node.maximum && n > wide(*node.maximum)) {
      add(out, "number_lte", "Must be less than or equal to " + limit_text(*node.maximum));
    }
    if (node.exclusive_maximum && n >= wide(*node.exclusive_maximum)) {
      add(out, "number_lt", "Must be less than " + limit_text(*node.exclusive_maximum));
    }
    if (node.minimum && n < wide(*node.minimum)) {
      add(out, "number_gte", "Must be greater than or equal to " + limit_text(*node.minimum));
    }
    if (node.exclusive_minimum && n <= wide(*node.exclusive_minimum)) {
      add(out, "number_gt", "Must be greater than " + limit_text(*node.exclusive_minimum));
    }
    ++out.score;
  }

  void strings(const Schema::Node& node, const std::string& text, Outcome& out) {
    const auto length = node.min_length || node.max_length ? count_characters(text) : 0;
    if (node.min_length && length < *node.min_length) {
      add(out, "string_gte", "String length must be greater than or equal to " + std::to_string(*node.min_length));
    }
    if (node.max_length && length > *node.max_length) {
      add(out, "string_lte", "String length must be less than or equal to " + std::to_string(*node.max_length));
    }
    if (node.pattern && !node.pattern->search(text)) {
      add(out, "pattern", "Does not match pattern '" + node.pattern->pattern() + "'");
    }
    if (node.is_format != nullptr && !node.is_format(text)) {
      add(out, "format", "Does not match format '" + node.format + "'");
    }
    ++out.score;
  }

  void arrays(const Schema::Node& node, const Value::Array& array, Outcome& out) {
    if (node.items) {
      for (std::size_t i = 0; i < array.size(); ++i) check_member(*node.items, array[i], std::to_string(i), out);
    }
    if (node.min_items && array.size() < *node.min_items) {
      add(out, "array_min_items", "Array must have at least " + std::to_string(*node.min_items) + " items");
    }
    if (node.max_items && array.size() > *node.max_items) {
      add(out, "array_max_items", "Array must have at most " + std::to_string(*node.max_items) + " items");
    }
    if (node.unique_items) {
      std::unordered_map<std::string, std::size_t> seen;
      for (std::size_t i = 0; i < array.size(); ++i) {
        const auto [it, added] = seen.try_emplace(canonical_text(array[i]), i);
        if (added) continue;
        const auto pair = std::to_string(it->second) + "," + std::to_string(i);
        add(out, "unique", "array items[" + pair + "] must be unique");
        it->second = i;
      }
    }
    ++out.score;
  }

  void values(const Schema::Node& node, const Value& value, Outcome& out) {
    if (node.constant && canonical_text(value) != *node.constant) {
      add(out, "const", name() + " does not match: " + *node.constant);
    }
    if (!node.allowed.empty() && !is_allowed(node, value)) {
      std::string list;
      for (const auto& text : node.allowed_texts) list.append(list.empty() ? "" : ", ").append(text);
      add(out, "enum", name() + " must be one of the following: " + list);
    }
    ++out.score;
  }

  static bool is_allowed(const Schema::Node& node, const Value& value) {
    // Most enums are of strings, and equal strings need no canonical text.
    if (std::ranges::find(node.allowed, value) != node.allowed.end()) return true;
    if (value.as_string() != nullptr) return false;
    return std::ranges::find(node.allowed_texts, canonical_text(value)) != node.allowed_texts.end();
  }

  /// Which members there must be and may be.
  void presence(const Schema::Node& node, const Value::Object& object, const std::vector<const Value*>& found,
                Outcome& out) {
    if (node.min_properties && object.size() < *node.min_properties) {
      add(out, "array_min_properties", "Must have at least " + std::to_string(*node.min_properties) + " properties");
    }
    if (node.max_properties && object.size() > *node.max_properties) {
      add(out, "array_max_properties", "Must have at most " + std::to_string(*node.max_properties) + " properties");
    }
    for (const auto index : node.required) {
      if (found[index] != nullptr) {
        ++out.score;
      } else {
        add(out, "required", node.properties[index].name + " is required");
      }
    }
    if (node.closed || node.additional) {
      for (const auto& [member, value] : object) {
        const auto it = node.names.find(member);
        if (it != node.names.end() && node.properties[it->second].schema) continue;
        if (node.closed) {
          add(out, "additional_property_not_allowed", "Additional property " + member + " is not allowed");
        } else {
          check_member(*node.additional, value, member, out);
        }
      }
    }
    ++out.score;
  }

  void properties(const Schema::Node& node, const std::vector<const Value*>& found, Outcome& out) {
    for (std::size_t i = 0; i < node.properties.size(); ++i) {
      const auto& property = node.properties[i];
      if (found[i] == nullptr || !property.schema || (found[i]->is_null() && !property.required)) continue;
      check_member(*property.schema, *found[i], property.name, out);
    }
  }

  /// The value's member for each of node.properties, or nullptr.
  static std::vector<const Value*> members(const Schema::Node& node, const Value::Object& object) {
    std::vector<const Value*> found(node.properties.size());
    for (const auto& [member, value] : object) {
      if (const auto it = node.names.find(member); it != node.names.end()) found[it->second] = &value;
    }
    return found;
  }

  const std::string& path_;
  std::string relative_;  ///< where the check is, from the value it began with
};

}  // namespace

std::vector<FieldProblem> Schema::check(const Value& value, const std::string& path) const {
  Outcome out;
  Checker(path).check(*root_, value, out);
  return std::move(out.problems);
}

}  // namespace hekto::domain
