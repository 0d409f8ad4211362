// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/upload_form.h"

#include <algorithm>

#include "api/problem.h"
#include "base/encoding.h"
#include "http/multipart.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

using domain::Value;

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxMetadata = 64 * 1024;
constexpr std::size_t kMaxBrackets = 16;

const char* type_name(const Value& value) {
  if (value.is_null()) return "null";
  if (value.as_bool() != nullptr) return "boolean";
  if (value.as_int() != nullptr) return "integer";
  if (value.as_double() != nullptr) return "number";
  if (value.as_string() != nullptr) return "string";
  return value.as_array() != nullptr ? "array" : "object";
}

Value& member(Value& object, std::string_view name) {
  if (object.as_object() == nullptr) object = Value::Object{};
  auto& members = *object.as_object();
  const auto found = std::ranges::find(members, name, &Value::Member::first);
  if (found != members.end()) return found->second;
  return members.emplace_back(std::string(name), Value()).second;
}

/// Puts `text` where "[a][b]" says; false when that is not of this form.
bool set_by_brackets(Value& metadata, std::string_view brackets, std::string_view text) {
  Value* at = &metadata;
  std::size_t depth = 0;
  while (!brackets.empty()) {
    const auto close = brackets.find(']');
    if (brackets.front() != '[' || close == std::string_view::npos || close == 1 || ++depth > kMaxBrackets)
      return false;
    const auto name = brackets.substr(1, close - 1);
    if (!is_utf8(name)) return false;
    at = &member(*at, name);
    brackets.remove_prefix(close + 1);
  }
  *at = Value(text);
  return true;
}

http::Response invalid(std::string type, std::string field, std::string description) {
  return validation_failed({{std::move(type), std::move(field), std::move(description)}});
}

http::Response bad_request(std::string_view why) { return http::problem(400, why, "Bad request"); }

/// The form's fields, put together part by part.
struct Form {
  const http::FormPart* content = nullptr;
  std::optional<std::string> filename;
  std::optional<std::string> type;
  Value metadata = Value::Object{};

  /// The refusal, when the part is not as it must be.
  std::optional<http::Response> take(const http::FormPart& part) {
    if (part.name == "content") {
      if (std::exchange(content, &part) != nullptr) return bad_request("The part \"content\" stands twice in the form");
    } else if (part.name == "filename") {
      if (part.body.size() > kMaxName) {
        return invalid("string_lte", "filename", "String length must be less than or equal to 255");
      }
      filename = part.body;
    } else if (part.name == "type") {
      type = part.body;
    } else if (part.name == "metadata") {
      return take_metadata(part.body);
    } else if (part.name.starts_with("metadata[")) {
      const bool set =
          is_utf8(part.body) && set_by_brackets(metadata, std::string_view(part.name).substr(8), part.body);
      if (!set) return bad_request("A field of the metadata is malformed");
    }
    return std::nullopt;
  }

  std::optional<http::Response> take_metadata(std::string_view text) {
    auto value = json::parse(text);
    if (!value) return bad_request("The metadata is not valid JSON");
    if (value->as_object() == nullptr) {
      return invalid("invalid_type", "metadata",
                     std::string("Invalid type. Expected: object, given: ") + type_name(*value));
    }
    metadata = std::move(*value);
    return std::nullopt;
  }
};

}  // namespace

std::variant<service::NewFile, http::Response> read_upload_form(const http::Request& request) {
  const auto boundary = http::form_boundary(request.header("content-type"));
  if (!boundary) return http::problem(415, "The request must be multipart/form-data", "Unsupported media type");
  const auto parts = http::parse_form(request.body, *boundary);
  if (!parts) return bad_request(parts.error().message);
  Form form;
  for (const auto& part : *parts) {
    if (auto refusal = form.take(part)) return std::move(*refusal);
  }
  if (form.content == nullptr) return invalid("required", "", "content is required");

  service::NewFile file;
  file.metadata = json::dump(form.metadata);
  if (file.metadata.size() > kMaxMetadata) {
    return invalid("string_lte", "metadata", "String length must be less than or equal to 65536");
  }
  file.name = std::move(form.filename).value_or(form.content->filename.value_or(""));
  file.content_type = std::move(form.type).value_or(form.content->content_type);
  file.bytes = form.content->body;
  return file;
}

}  // namespace hekto::api
