// SPDX-License-Identifier: Apache-2.0
#include "json/value_json.h"

#include <algorithm>

#include <simdjson.h>

#include "base/decimal.h"
#include "base/json_text.h"

namespace hekto::json {
namespace {

using domain::Value;
namespace dom = simdjson::dom;

// A parser keeps buffers of about five times its largest document; one large request must not keep them for ever.
constexpr std::size_t kMaxKeptCapacity = 1 << 20;
// Up to here comparing every pair of names is cheaper than sorting them.
constexpr std::size_t kFewMembers = 8;

std::unexpected<Error> invalid(std::string_view why) {
  return fail(ErrorCode::invalid_input, "The text is not valid JSON: " + std::string(why));
}

const char* reason(simdjson::error_code code) {
  switch (code) {
    case simdjson::EMPTY:
      return "it is empty";
    case simdjson::UTF8_ERROR:
      return "it is not UTF-8";
    case simdjson::DEPTH_ERROR:
      return "it nests too deeply";
    case simdjson::NUMBER_ERROR:
      return "it holds a malformed or too large number";
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS:
      return "it holds a malformed string";
    case simdjson::UNCLOSED_STRING:
      return "a string does not end";
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY:
      return "it is too large";
    default:
      return "its structure is malformed";
  }
}

/// The same name twice lets two readers of one text see different values.
bool has_duplicate_names(const Value::Object& object) {
  if (object.size() <= kFewMembers) {
    for (auto it = object.begin(); it != object.end(); ++it) {
      if (std::any_of(object.begin(), it, [&](const auto& earlier) { return earlier.first == it->first; })) return true;
    }
    return false;
  }
  std::vector<std::string_view> names;
  names.reserve(object.size());
  for (const auto& [name, value] : object) names.emplace_back(name);
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

/// Turns a parsed document into a Value. why() is set when the document breaks a rule of ours.
class Converter {
 public:
  const char* why() const { return why_; }

  Value convert(const dom::element& element, std::size_t depth) {
    switch (element.type()) {
      case dom::element_type::NULL_VALUE:
        return {};
      case dom::element_type::BOOL:
        return element.get_bool().value_unsafe();
      case dom::element_type::INT64:
        return element.get_int64().value_unsafe();
      case dom::element_type::UINT64:
        return static_cast<double>(element.get_uint64().value_unsafe());
      case dom::element_type::DOUBLE:
        return element.get_double().value_unsafe();
      case dom::element_type::STRING:
        return element.get_string().value_unsafe();
      case dom::element_type::ARRAY:
        return array(element.get_array().value_unsafe(), depth + 1);
      case dom::element_type::OBJECT:
        return object(element.get_object().value_unsafe(), depth + 1);
    }
    return {};
  }

 private:
  Value array(const dom::array& from, std::size_t depth) {
    Value::Array result;
    if (too_deep(depth)) return result;
    result.reserve(from.size());
    for (const auto item : from) {
      result.push_back(convert(item, depth));
      if (why_ != nullptr) break;
    }
    return result;
  }

  Value object(const dom::object& from, std::size_t depth) {
    Value::Object result;
    if (too_deep(depth)) return result;
    result.reserve(from.size());
    for (const auto member : from) {
      result.emplace_back(member.key, convert(member.value, depth));
      if (why_ != nullptr) return result;
    }
    if (has_duplicate_names(result)) why_ = "an object has two members of the same name";
    return result;
  }

  bool too_deep(std::size_t depth) {
    if (depth > kMaxDepth) why_ = "it nests too deeply";
    return depth > kMaxDepth;
  }

  const char* why_ = nullptr;
};

}  // namespace

Result<Value> parse(std::string_view text) {
  // Not left to the parser, which copies from a null pointer then.
  if (text.empty()) return invalid(reason(simdjson::EMPTY));
  if (text.starts_with("\xEF\xBB\xBF")) return invalid("it begins with a byte order mark");
  thread_local std::unique_ptr<dom::parser> parser;
  if (!parser) parser = std::make_unique<dom::parser>();

  dom::element root;
  // The parser reads past the end of its input, so it is given a copy with room behind.
  const auto error = parser->parse(text.data(), text.size(), true).get(root);
  Converter converter;
  Value value;
  if (error == simdjson::SUCCESS) value = converter.convert(root, 0);
  if (text.size() > kMaxKeptCapacity) parser.reset();
  if (error != simdjson::SUCCESS) return invalid(reason(error));
  if (converter.why() != nullptr) return invalid(converter.why());
  return value;
}

void append_number(std::string& out, double number) { append_json_number(out, number); }

void append(std::string& out, const Value& value) {
  if (const auto* boolean = value.as_bool()) {
    out += *boolean ? "true" : "false";
  } else if (const auto* integer = value.as_int()) {
    out += std::to_string(*integer);
  } else if (const auto* number = value.as_double()) {
    append_json_number(out, *number);
  } else if (const auto* text = value.as_string()) {
    append_json_string(out, *text);
  } else if (const auto* array = value.as_array()) {
    out += '[';
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i > 0) out += ',';
      append(out, (*array)[i]);
    }
    out += ']';
  } else if (const auto* object = value.as_object()) {
    out += '{';
    for (std::size_t i = 0; i < object->size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, (*object)[i].first);
      out += ':';
      append(out, (*object)[i].second);
    }
    out += '}';
  } else {
    out += "null";
  }
}

std::string dump(const Value& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace hekto::json
