// SPDX-License-Identifier: Apache-2.0
#include "cli/run_input.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "app/suggest.h"
#include "base/encoding.h"
#include "base/text.h"
#include "domain/media_type.h"
#include "json/value_json.h"

namespace hekto::cli {
namespace {

using domain::Value;

/// Which JSON types a schema lets through, as a set of bits; 0: it does not say.
enum Type : unsigned { string = 1, integer = 2, number = 4, boolean = 8, null = 16, array = 32, object = 64 };

unsigned type_named(std::string_view name) {
  constexpr std::pair<std::string_view, unsigned> kNames[] = {
      {"string", string}, {"integer", integer}, {"number", number}, {"boolean", boolean},
      {"null", null},     {"array", array},     {"object", object}};
  for (const auto& [word, bit] : kNames) {
    if (word == name) return bit;
  }
  return 0;
}

unsigned type_of(const Value& value) {
  if (value.as_string() != nullptr) return string;
  if (value.as_int() != nullptr) return integer;
  if (const auto* d = value.as_double()) return std::trunc(*d) == *d ? integer : number;
  if (value.as_bool() != nullptr) return boolean;
  if (value.as_array() != nullptr) return array;
  return value.is_null() ? null : object;
}

bool lets_through(unsigned types, const Value& value) {
  const auto type = type_of(value);
  return (types & type) != 0 || (type == integer && (types & number) != 0);
}

const Value* find_path(const Value& root, std::string_view path) {
  const Value* at = &root;
  while (at != nullptr && !path.empty()) at = at->find(take_until(path, '/'));
  return at;
}

/// Follows "#/a/b" pointers; nullptr when one leads nowhere or they go in circles.
const Value* resolve(const Value* schema, const Value& root) {
  for (int depth = 0; schema != nullptr && depth < 32; ++depth) {
    const auto pointer = schema->text_of("$ref");
    if (pointer.empty()) return schema;
    schema = pointer.starts_with("#/") ? find_path(root, pointer.substr(2)) : nullptr;
  }
  return nullptr;
}

unsigned types_of(const Value* schema, const Value& root, int depth = 0) {
  schema = resolve(schema, root);
  if (schema == nullptr || depth > 8) return 0;
  unsigned types = 0;
  if (const auto* type = schema->find("type")) {
    if (const auto* name = type->as_string()) types |= type_named(*name);
    if (const auto* names = type->as_array()) {
      for (const auto& name : *names) types |= name.as_string() != nullptr ? type_named(*name.as_string()) : 0;
    }
  }
  if (types == 0) {
    const auto* words = schema->find("enum");
    if (words != nullptr && words->as_array() != nullptr) {
      for (const auto& word : *words->as_array()) types |= type_of(word);
    }
  }
  for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
    const auto* parts = schema->find(keyword);
    if (parts == nullptr || parts->as_array() == nullptr) continue;
    for (const auto& part : *parts->as_array()) types |= types_of(&part, root, depth + 1);
  }
  const auto* nullable = schema->find("nullable");
  if (types != 0 && nullable != nullptr && nullable->as_bool() != nullptr && *nullable->as_bool()) types |= null;
  return types;
}

/// The text as JSON, unless it is no JSON or a JSON string: quotes around a text are part of the text.
std::optional<Value> as_json(const std::string& text) {
  if (text.empty() || std::string_view("-0123456789tfn[{").find(text.front()) == std::string_view::npos) return {};
  auto value = json::parse(text);
  return value ? std::optional(std::move(*value)) : std::nullopt;
}

Value typed(const std::string& text, unsigned types) {
  auto value = as_json(text);
  if (value && (types == 0 || lets_through(types, *value))) return std::move(*value);
  // A text that fits no type goes as it is: the server's answer then names the input and what it wants.
  return Value(text);
}

class FileReader {
 public:
  Result<Value> data_url(const std::string& path) {
    std::error_code problem;
    const auto bad = [&](const std::string& why) {
      return fail(ErrorCode::invalid_input,
                  "cannot read the file " + path + why + " (a text that begins with @ is written with @@)");
    };
    const auto size = std::filesystem::file_size(path, problem);
    if (problem) return bad(": " + problem.message());
    if (size > kMaxFileBytes - used_) {
      return fail(ErrorCode::invalid_input,
                  path + " is too large: files may have 10 MB together; give a URL instead (key=https://...)");
    }
    std::ifstream in(path, std::ios::binary);
    std::string bytes(static_cast<std::size_t>(size), '\0');
    if (!in || !in.read(bytes.data(), static_cast<std::streamsize>(size))) return bad("");
    used_ += bytes.size();
    return Value("data:" + std::string(domain::guess_media_type(path, bytes)) + ";base64," + base64_encode(bytes));
  }

 private:
  std::size_t used_ = 0;
};

}  // namespace

Result<RunInput> build_input(const std::vector<std::string>& arguments, const Value* openapi) {
  const Value empty;
  const Value& root = openapi != nullptr ? *openapi : empty;
  const Value* schema = resolve(find_path(root, "components/schemas/Input"), root);
  const Value* properties = schema != nullptr ? schema->find("properties") : nullptr;
  std::vector<std::string> names;
  if (properties != nullptr && properties->as_object() != nullptr) {
    for (const auto& [name, property] : *properties->as_object()) names.push_back(name);
  }

  RunInput input;
  Value::Object members;
  FileReader files;
  for (const auto& argument : arguments) {
    std::string_view rest = argument;
    const std::string key(take_until(rest, '='));
    const std::string text(rest);
    if (key.empty() || key.size() == argument.size()) {
      return fail(ErrorCode::invalid_input, "'" + argument + "' is not of the form key=value or key=@file");
    }
    const Value* property = properties != nullptr ? resolve(properties->find(key), root) : nullptr;
    if (!names.empty() && property == nullptr) {
      input.warnings.push_back("the model has no input '" + key + "'" + app::did_you_mean(key, names));
    }
    const auto types = types_of(property, root);
    const bool wants_list = (types & (array | string)) == array;
    const auto item_types = wants_list ? types_of(property->find("items"), root) : types;

    Value value;
    if (text.starts_with("@@")) {
      value = Value(text.substr(1));
    } else if (text.starts_with('@')) {
      auto url = files.data_url(text.substr(1));
      if (!url) return std::unexpected(url.error());
      value = std::move(*url);
    } else {
      value = wants_list && text.starts_with('[') ? typed(text, array) : typed(text, item_types);
    }
    const auto before = std::ranges::find(members, key, &Value::Member::first);
    if (before == members.end()) {
      if (wants_list && value.as_array() == nullptr) value = Value(Value::Array{std::move(value)});
      members.emplace_back(key, std::move(value));
    } else if (wants_list && before->second.as_array() != nullptr) {
      before->second.as_array()->push_back(std::move(value));
    } else {
      return fail(ErrorCode::invalid_input, "'" + key + "' is given twice");
    }
  }
  input.value = Value(std::move(members));
  return input;
}

bool output_is_joined_text(const Value* openapi) {
  if (openapi == nullptr) return false;
  const Value* output = resolve(find_path(*openapi, "components/schemas/Output"), *openapi);
  return output != nullptr && output->text_of("x-cog-array-display") == "concatenate";
}

}  // namespace hekto::cli
