// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "domain/value.h"

namespace hekto::domain {

/// One problem of a request body, in the words and types of gojsonschema's default locale, which the official
/// service answers with.
struct FieldProblem {
  std::string type;         ///< such as "number_lte"
  std::string field;        ///< dotted path from the body's root, such as "input.seed"; "" is the root itself
  std::string description;  ///< such as "Must be less than or equal to 4"
  friend bool operator==(const FieldProblem&, const FieldProblem&) = default;
};

/// A compiled JSON Schema (the subset that Cog emits: type, properties, required, additionalProperties, items, enum,
/// const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, pattern, format
/// (those of find_format()), minItems, maxItems, uniqueItems, minProperties, maxProperties, nullable, allOf, anyOf,
/// oneOf, not, and local $ref). Other keywords say nothing here. Immutable and cheap to copy; any thread.
class Schema {
 public:
  /// Accepts anything.
  Schema();

  /// `root` is the document that $ref pointers ("#/components/schemas/x") are resolved in; `schema` is the part to
  /// compile. invalid_input when a $ref does not resolve, refs nest deeper than 32, a keyword has a wrong type, or the
  /// schema with its references copied in has more than 20,000 parts.
  static Result<Schema> compile(const Value& schema, const Value& root);

  /// Every problem of `value`, all at once: of an object first the number of its members, what is missing and what is
  /// too much, then each property in the schema's order. `path` is the field name of `value` itself, such as "input".
  /// Descriptions name values from `value` on, without `path`. An allOf of one schema counts as that schema itself.
  /// A null for an optional property counts as absent. Unknown members of an object are accepted unless the schema
  /// says additionalProperties: false.
  std::vector<FieldProblem> check(const Value& value, const std::string& path) const;

  struct Uri {
    std::string pointer;    ///< where it stands: a JSON Pointer (RFC 6901) into the value
    std::string_view text;  ///< inside the value
  };
  /// The texts of `value` that the schema calls URIs, by which a model's files are told, in the value's order.
  std::vector<Uri> uris(const Value& value) const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
};

/// The `detail` text of a 422: one "- field: description\n" line a problem.
std::string problems_to_detail(const std::vector<FieldProblem>& problems);

}  // namespace hekto::domain
