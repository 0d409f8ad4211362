// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/regex.h"
#include "base/text.h"
#include "domain/schema.h"
#include "domain/schema_formats.h"

namespace hekto::domain {

/// JSON types as bits. A whole number is both an integer and a number.
enum TypeBit : std::uint8_t {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,
  kNumberType = 8,
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
};

/// A compiled schema. References are copied in, so a node is the root of a finite tree and checking always ends.
/// Internal to schema*.cpp.
struct Schema::Node {
  using Child = std::unique_ptr<const Node>;

  std::uint8_t types = 0;     ///< TypeBits; 0 accepts every type
  std::string expected_type;  ///< as an invalid_type problem shows it
  bool nullable = false;      ///< null is accepted whatever else is said
  bool never = false;         ///< the schema `false`

  /// The names of `properties`, then those of `required` that are no property; members of a value are looked up here
  /// once each, so that an object with very many members costs no more than its size.
  std::unordered_map<std::string, std::size_t, StringHash, std::equal_to<>> names;
  struct Property {
    std::string name;
    Child schema;  ///< null for a name that is only required
    bool required = false;
  };
  std::vector<Property> properties;
  std::vector<std::size_t> required;  ///< indexes into properties
  bool closed = false;                ///< additionalProperties: false
  std::optional<std::uint64_t> min_properties, max_properties;
  Child additional;  ///< additionalProperties as a schema

  Child items;
  std::optional<std::uint64_t> min_items, max_items;
  bool unique_items = false;

  std::vector<Value> allowed;              ///< enum
  std::vector<std::string> allowed_texts;  ///< the same, canonical
  std::optional<std::string> constant;     ///< canonical

  std::optional<Value> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;

  std::optional<std::uint64_t> min_length, max_length;  ///< characters
  std::optional<Regex> pattern;
  std::string format;               ///< the name, where find_format() knows it
  FormatCheck is_format = nullptr;  ///< null when any text will do
  bool uri = false;                 ///< the text names a file

  std::vector<Child> all_of, any_of, one_of;
  Child none_of;  ///< not
};

}  // namespace hekto::domain
