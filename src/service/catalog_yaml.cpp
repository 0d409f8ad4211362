// SPDX-License-Identifier: Apache-2.0
#include "service/catalog_yaml.h"

#include <algorithm>
#include <set>

#include "json/value_json.h"

namespace hekto::service {
namespace {

using domain::Value;

// Aliases let a short file stand for an endless one.
constexpr std::size_t kMaxNodes = 100'000;

bool is_plain(const YAML::Node& node) { return node.Tag() == "?"; }

Value scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (!is_plain(node)) return text;
  if (text == "true") return true;
  if (text == "false") return false;
  if (text.find_first_not_of("+-.0123456789eE") == std::string::npos) {
    if (auto number = json::parse(text)) return *std::move(number);
  }
  return text;
}

}  // namespace

void YamlReader::wrong_line(int line, const std::string& message) {
  if (!error_) error_ = Error{ErrorCode::invalid_input, file_name_ + ":" + std::to_string(line) + ": " + message};
}

void YamlReader::wrong(const YAML::Node& at, const std::string& message) {
  wrong_line(at.IsDefined() ? std::max(at.Mark().line + 1, 1) : 1, message);
}

YAML::Node YamlReader::parse(std::string_view text) {
  try {
    const auto documents = YAML::LoadAll(std::string(text));
    if (documents.size() == 1) return documents.front();
    wrong_line(1, "one YAML document is expected, not " + std::to_string(documents.size()));
  } catch (const YAML::Exception& e) {
    wrong_line(std::max(e.mark.line + 1, 1), e.msg);
  }
  return {};
}

bool YamlReader::is_mapping(const YAML::Node& node, const std::string& what,
                            std::initializer_list<std::string_view> known) {
  if (error_) return false;
  if (!node.IsMap()) {
    wrong(node, what + " is not a mapping");
    return false;
  }
  std::set<std::string> seen;
  for (const auto& member : node) {
    if (!member.first.IsScalar()) {
      wrong(member.first, "a key is not a plain name");
      return false;
    }
    const std::string& key = member.first.Scalar();
    if (known.size() > 0 && std::ranges::find(known, key) == known.end()) {
      wrong(member.first, "unknown key '" + key + "' in " + what);
    } else if (!seen.insert(key).second) {
      wrong(member.first, "'" + key + "' stands twice in " + what);
    }
  }
  return !error_;
}

std::optional<std::string> YamlReader::optional_text(const YAML::Node& mapping, const char* key) {
  const YAML::Node node = mapping[key];
  if (error_ || !node.IsDefined() || node.IsNull()) return std::nullopt;
  if (!node.IsScalar()) wrong(node, "'" + std::string(key) + "' is not a text");
  return node.IsScalar() ? std::optional(node.Scalar()) : std::nullopt;
}

std::string YamlReader::text(const YAML::Node& mapping, const char* key, std::string fallback) {
  return optional_text(mapping, key).value_or(std::move(fallback));
}

std::string YamlReader::required_text(const YAML::Node& mapping, const char* key) {
  auto found = optional_text(mapping, key);
  if (!found || found->empty()) wrong(mapping, "'" + std::string(key) + "' is missing");
  return std::move(found).value_or("");
}

bool YamlReader::boolean(const YAML::Node& mapping, const char* key) {
  const YAML::Node node = mapping[key];
  if (error_ || !node.IsDefined()) return false;
  const Value read = value(node);
  if (read.as_bool() == nullptr) wrong(node, "'" + std::string(key) + "' is neither true nor false");
  return read.as_bool() != nullptr && *read.as_bool();
}

double YamlReader::number(const YAML::Node& mapping, const char* key, double fallback, double lowest) {
  const YAML::Node node = mapping[key];
  if (error_ || !node.IsDefined()) return fallback;
  const Value read = value(node);
  if (read.is_number() && read.number() >= lowest) return read.number();
  wrong(node, "'" + std::string(key) + "' is not a number of at least " + json::dump(lowest));
  return fallback;
}

std::int64_t YamlReader::whole(const YAML::Node& mapping, const char* key, std::int64_t fallback, std::int64_t lowest) {
  const YAML::Node node = mapping[key];
  if (error_ || !node.IsDefined()) return fallback;
  const Value read = value(node);
  if (read.as_int() != nullptr && *read.as_int() >= lowest) return *read.as_int();
  wrong(node, "'" + std::string(key) + "' is not a whole number of at least " + std::to_string(lowest));
  return fallback;
}

Time YamlReader::time(const YAML::Node& mapping, const char* key, std::optional<Time> fallback) {
  if (!mapping[key].IsDefined() && fallback) return *fallback;
  const std::string text = required_text(mapping, key);
  if (error_) return {};
  const auto read = parse_time(text);
  if (!read) wrong(mapping[key], "'" + std::string(key) + "': " + read.error().message);
  return read.value_or(Time{});
}

Value YamlReader::value(const YAML::Node& node) { return value(node, 0); }

Value YamlReader::value(const YAML::Node& node, int depth) {
  if (error_) return {};
  if (depth > static_cast<int>(json::kMaxDepth)) wrong(node, "nests too deeply");
  if (++nodes_ > kMaxNodes) wrong(node, "the file stands for too many values");
  if (error_) return {};
  if (node.IsScalar()) return scalar(node);
  if (node.IsSequence()) {
    Value::Array array;
    for (const auto& item : node) array.push_back(value(item, depth + 1));
    return array;
  }
  if (node.IsMap()) {
    Value::Object object;
    if (!is_mapping(node, "this mapping", {})) return {};
    for (const auto& member : node) object.emplace_back(member.first.Scalar(), value(member.second, depth + 1));
    return object;
  }
  return {};
}

}  // namespace hekto::service
