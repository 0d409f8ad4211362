// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <yaml-cpp/yaml.h>

#include "base/error.h"
#include "base/time.h"
#include "domain/value.h"

namespace hekto::service {

/// Reads the nodes of one YAML text. The first thing that is wrong is kept with its line; from then on every reader
/// returns something harmless, and the caller asks error() once at the end. Internal to catalog_*.cpp, and used while
/// building.
class YamlReader {
 public:
  explicit YamlReader(std::string_view file_name) : file_name_(file_name) {}

  const std::optional<Error>& error() const { return error_; }
  void wrong(const YAML::Node& at, const std::string& message);

  /// The one document of `text`.
  YAML::Node parse(std::string_view text);

  /// Whether `node` is a mapping, and every key of it a name of `known` (any name when empty) that occurs once.
  bool is_mapping(const YAML::Node& node, const std::string& what, std::initializer_list<std::string_view> known);

  // Members of a mapping. An absent one has the fallback; one of another type is wrong.
  std::string text(const YAML::Node& mapping, const char* key, std::string fallback = {});
  std::string required_text(const YAML::Node& mapping, const char* key);
  std::optional<std::string> optional_text(const YAML::Node& mapping, const char* key);
  bool boolean(const YAML::Node& mapping, const char* key);
  double number(const YAML::Node& mapping, const char* key, double fallback, double lowest);
  std::int64_t whole(const YAML::Node& mapping, const char* key, std::int64_t fallback, std::int64_t lowest);
  Time time(const YAML::Node& mapping, const char* key, std::optional<Time> fallback);

  /// Any node as JSON. Plain scalars become null, booleans and numbers where JSON would read them so (not `yes`, not
  /// 0o17, not 1_000), else text.
  domain::Value value(const YAML::Node& node);

 private:
  domain::Value value(const YAML::Node& node, int depth);
  void wrong_line(int line, const std::string& message);

  std::string file_name_;
  std::optional<Error> error_;
  std::size_t nodes_ = 0;
};

}  // namespace hekto::service
