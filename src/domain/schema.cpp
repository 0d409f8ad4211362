// SPDX-License-Identifier: Apache-2.0
#include "domain/schema.h"

#include <cmath>

#include "domain/schema_node.h"
#include "domain/schema_text.h"

namespace hekto::domain {
namespace {

constexpr int kMaxRefs = 32;
// References are copied where they stand, and a small schema can ask for very many copies.
constexpr std::size_t kMaxNodes = 20'000;

std::uint8_t type_bit(std::string_view name) {
  if (name == "null") return kNullType;
  if (name == "boolean") return kBooleanType;
  if (name == "integer") return kIntegerType;
  if (name == "number") return kNumberType;
  if (name == "string") return kStringType;
  if (name == "array") return kArrayType;
  if (name == "object") return kObjectType;
  return 0;
}

/// One use compiles one schema. The first thing that is wrong is kept in error_ and ends the work.
class Compiler {
 public:
  explicit Compiler(const Value& root) : root_(root) {}

  std::unique_ptr<Schema::Node> compile(const Value& schema) { return node(schema, 0); }
  const std::string& error() const { return error_; }

 private:
  using Node = Schema::Node;

  void wrong(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }

  std::unique_ptr<Node> node(const Value& schema, int refs) {
    auto result = std::make_unique<Node>();
    if (++nodes_ > kMaxNodes) wrong("the schema is larger than " + std::to_string(kMaxNodes) + " parts");
    if (!error_.empty()) return result;
    if (const auto* boolean = schema.as_bool()) {  // true accepts everything, false nothing
      result->never = !*boolean;
      return result;
    }
    if (schema.as_object() == nullptr) {
      wrong("a schema is neither an object nor a boolean");
      return result;
    }
    if (const Value* ref = schema.find("$ref")) {  // what stands beside a $ref has no meaning
      const Value* target = resolve(*ref);
      if (target != nullptr && refs >= kMaxRefs) wrong("$ref nests deeper than " + std::to_string(kMaxRefs));
      return error_.empty() ? node(*target, refs + 1) : std::move(result);
    }
    types(schema, *result);
    object_keywords(schema, *result, refs);
    array_keywords(schema, *result, refs);
    number_keywords(schema, *result);
    string_keywords(schema, *result);
    value_keywords(schema, *result);
    result->all_of = list(schema, "allOf", refs);
    result->any_of = list(schema, "anyOf", refs);
    result->one_of = list(schema, "oneOf", refs);
    if (const Value* inner = schema.find("not")) result->none_of = node(*inner, refs);
    return result;
  }

  const Value* resolve(const Value& ref) {
    if (ref.as_string() == nullptr) {
      wrong("$ref is no string");
      return nullptr;
    }
    std::string_view rest = *ref.as_string();
    const Value* at = &root_;
    if (!rest.starts_with('#') || (rest.size() > 1 && rest[1] != '/')) at = nullptr;
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 2));
    while (at != nullptr && !rest.empty()) {
      std::string name;
      const auto part = take_until(rest, '/');
      for (std::size_t i = 0; i < part.size(); ++i) {  // RFC 6901: ~1 is '/', ~0 is '~'
        const bool escape = part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1');
        name += escape ? (part[++i] == '1' ? '/' : '~') : part[i];
      }
      at = at->find(name);
    }
    if (at == nullptr) wrong("$ref '" + *ref.as_string() + "' does not resolve");
    return at;
  }

  void types(const Value& schema, Node& out) {
    out.nullable = boolean(schema, "nullable");
    const Value* type = schema.find("type");
    if (type == nullptr) return;
    const bool single = type->as_string() != nullptr;
    const Value::Array one{*type};
    const Value::Array* names = single ? &one : type->as_array();
    if (names == nullptr || names->empty()) return wrong("'type' is neither a name nor a list of names");
    for (const auto& name : *names) {
      const auto bit = name.as_string() != nullptr ? type_bit(*name.as_string()) : std::uint8_t{0};
      if (bit == 0) return wrong("'type' names no JSON type");
      out.types = static_cast<std::uint8_t>(out.types | bit);
      out.expected_type += (out.expected_type.empty() ? "" : ",") + *name.as_string();
    }
    if (names->size() > 1) out.expected_type = "[" + out.expected_type + "]";
  }

  void object_keywords(const Value& schema, Node& out, int refs) {
    const auto slot = [&out](const std::string& name) {
      const auto [it, added] = out.names.try_emplace(name, out.properties.size());
      if (added) out.properties.push_back({name, nullptr, false});
      return it->second;
    };
    if (const Value* properties = schema.find("properties")) {
      if (properties->as_object() == nullptr) return wrong("'properties' is no object");
      for (const auto& [name, inner] : *properties->as_object()) out.properties[slot(name)].schema = node(inner, refs);
    }
    if (const Value* required = schema.find("required")) {
      if (required->as_array() == nullptr) return wrong("'required' is no list");
      for (const auto& name : *required->as_array()) {
        if (name.as_string() == nullptr) return wrong("'required' holds something else than names");
        const auto index = slot(*name.as_string());
        if (!out.properties[index].required) out.required.push_back(index);
        out.properties[index].required = true;
      }
    }
    out.min_properties = count(schema, "minProperties");
    out.max_properties = count(schema, "maxProperties");
    if (const Value* additional = schema.find("additionalProperties")) {
      if (const auto* allowed = additional->as_bool()) {
        out.closed = !*allowed;
      } else {
        out.additional = node(*additional, refs);
      }
    }
  }

  void array_keywords(const Value& schema, Node& out, int refs) {
    if (const Value* items = schema.find("items")) out.items = node(*items, refs);
    out.min_items = count(schema, "minItems");
    out.max_items = count(schema, "maxItems");
    out.unique_items = boolean(schema, "uniqueItems");
  }

  void number_keywords(const Value& schema, Node& out) {
    out.minimum = number(schema, "minimum");
    out.maximum = number(schema, "maximum");
    out.multiple_of = number(schema, "multipleOf");
    if (out.multiple_of && !(out.multiple_of->number() > 0)) wrong("'multipleOf' is not greater than 0");
    exclusive(schema, "exclusiveMinimum", out.minimum, out.exclusive_minimum);
    exclusive(schema, "exclusiveMaximum", out.maximum, out.exclusive_maximum);
  }

  /// A limit of its own (JSON Schema from draft 6 on), or a boolean about the inclusive one (OpenAPI 3.0).
  void exclusive(const Value& schema, std::string_view name, std::optional<Value>& inclusive,
                 std::optional<Value>& out) {
    const Value* value = schema.find(name);
    if (value != nullptr && value->as_bool() != nullptr) {
      if (*value->as_bool()) out = std::exchange(inclusive, std::nullopt);
    } else {
      out = number(schema, name);
    }
  }

  void string_keywords(const Value& schema, Node& out) {
    out.min_length = count(schema, "minLength");
    out.max_length = count(schema, "maxLength");
    if (const Value* pattern = schema.find("pattern")) {
      if (pattern->as_string() == nullptr) return wrong("'pattern' is no string");
      auto regex = Regex::compile(*pattern->as_string());
      if (!regex) return wrong("'pattern': " + regex.error().message);
      out.pattern = *std::move(regex);
    }
    if (const Value* format = schema.find("format")) {
      if (format->as_string() == nullptr) return wrong("'format' is no string");
      out.is_format = find_format(*format->as_string());
      if (out.is_format != nullptr) out.format = *format->as_string();
      out.uri = out.format == "uri";
    }
  }

  void value_keywords(const Value& schema, Node& out) {
    if (const Value* allowed = schema.find("enum")) {
      if (allowed->as_array() == nullptr || allowed->as_array()->empty()) return wrong("'enum' is no list of values");
      out.allowed = *allowed->as_array();
      for (const auto& value : out.allowed) out.allowed_texts.push_back(canonical_text(value));
    }
    if (const Value* constant = schema.find("const")) out.constant = canonical_text(*constant);
  }

  std::vector<Node::Child> list(const Value& schema, const std::string& name, int refs) {
    std::vector<Node::Child> result;
    const Value* value = schema.find(name);
    if (value == nullptr) return result;
    if (value->as_array() == nullptr || value->as_array()->empty()) {
      wrong("'" + name + "' is no list of schemas");
      return result;
    }
    for (const auto& inner : *value->as_array()) result.push_back(node(inner, refs));
    return result;
  }

  bool boolean(const Value& schema, const std::string& name) {
    const Value* value = schema.find(name);
    if (value == nullptr) return false;
    if (value->as_bool() == nullptr) wrong("'" + name + "' is no boolean");
    return value->as_bool() != nullptr && *value->as_bool();
  }

  std::optional<Value> number(const Value& schema, std::string_view name) {
    const Value* value = schema.find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) wrong("'" + std::string(name) + "' is no number");
    return *value;
  }

  std::optional<std::uint64_t> count(const Value& schema, std::string_view name) {
    const auto value = number(schema, name);
    if (!value) return std::nullopt;
    const double n = value->number();
    if (!(n >= 0 && n < 9e15 && std::trunc(n) == n)) wrong("'" + std::string(name) + "' is no count");
    return error_.empty() ? std::optional(static_cast<std::uint64_t>(n)) : std::nullopt;
  }

  const Value& root_;
  std::size_t nodes_ = 0;
  std::string error_;
};

}  // namespace

Schema::Schema() : root_(std::make_shared<const Node>()) {}

Result<Schema> Schema::compile(const Value& schema, const Value& root) {
  Compiler compiler(root);
  std::shared_ptr<const Node> node = compiler.compile(schema);
  if (!compiler.error().empty()) return fail(ErrorCode::invalid_input, compiler.error());
  Schema result;
  result.root_ = std::move(node);
  return result;
}

std::string problems_to_detail(const std::vector<FieldProblem>& problems) {
  std::string out;
  for (const auto& problem : problems) {
    out += "- ";
    if (!problem.field.empty()) out.append(problem.field).append(": ");
    out.append(problem.description).append("\n");
  }
  return out;
}

}  // namespace hekto::domain
