// SPDX-License-Identifier: Apache-2.0
#include "app/config_file.h"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "app/config_options.h"
#include "app/suggest.h"

namespace hekto::app {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;

/// Walks the document; the first problem ends the walk.
class Reader {
 public:
  Reader(std::string file, const Environment& environment, ConfigFor purpose)
      : file_(std::move(file)), environment_(environment), purpose_(purpose) {}

  Result<void> section(const YAML::Node& node, const std::string& prefix);
  ConfigFile take() { return {std::move(entries_), std::move(upstreams_)}; }
  std::unexpected<Error> error(int line, const std::string& message) const {
    return fail(ErrorCode::invalid_input, file_ + ":" + std::to_string(line) + ": " + message);
  }

 private:
  Result<void> value(const Option& option, const YAML::Node& node, int line);
  std::unexpected<Error> unknown_key(const std::string& key, const std::string& prefix, int line) const;

  std::string file_;
  const Environment& environment_;
  const ConfigFor purpose_;
  std::vector<FileEntry> entries_;
  std::vector<runners::replicate::UpstreamOptions> upstreams_;
};

int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

/// The names that may stand directly under `prefix` ("" or "links.").
std::vector<std::string> names_under(const std::string& prefix) {
  std::set<std::string> names;
  for (const auto& info : options()) {
    if (!info.path.starts_with(prefix)) continue;
    names.insert(info.path.substr(prefix.size(), info.path.find('.', prefix.size()) - prefix.size()));
  }
  if (prefix.empty()) names.insert("upstreams");
  return {names.begin(), names.end()};
}

std::string as_sections(const std::string& path) {
  const auto dot = path.find('.');
  return "'" + path.substr(dot + 1) + ":' under '" + path.substr(0, dot) + ":'";
}

std::unexpected<Error> Reader::unknown_key(const std::string& key, const std::string& prefix, int line) const {
  std::string message = "unknown key '" + prefix + key + "'";
  if (find_option(key) != nullptr && key.find('.') != std::string::npos) {
    return error(line, message + "; write " + as_sections(key));
  }
  // A near miss beside the right name is likelier than a right name in the wrong section.
  auto hint = did_you_mean(key, names_under(prefix));
  for (const auto& info : options()) {
    if (hint.empty() && info.path.ends_with("." + key)) hint = "; did you mean " + as_sections(info.path) + "?";
  }
  return error(line, message + hint);
}

Result<void> Reader::section(const YAML::Node& node, const std::string& prefix) {
  std::set<std::string> seen;
  for (const auto& member : node) {
    const int line = line_of(member.first);
    if (!member.first.IsScalar()) return error(line, "a key must be a plain word");
    const auto key = member.first.Scalar();
    const auto path = prefix + key;
    if (!seen.insert(key).second) return error(line, "'" + path + "' is given twice");
    if (const auto* option = find_option(path); option != nullptr && key.find('.') == std::string::npos) {
      if (auto read = value(*option, member.second, line); !read) return read;
      continue;
    }
    if (path == "upstreams") {
      if (purpose_ == ConfigFor::administration) continue;
      auto read = read_upstreams(member.second, environment_,
                                 [this](int at, const std::string& message) { return error(at, message); });
      if (!read) return std::unexpected(read.error());
      upstreams_ = std::move(*read);
      continue;
    }
    const bool is_section = prefix.empty() && key.find('.') == std::string::npos && !names_under(key + ".").empty();
    if (!is_section) return unknown_key(key, prefix, line);
    if (member.second.IsNull()) continue;  // a section whose lines are all commented out
    if (!member.second.IsMap()) return error(line, "'" + key + "' is a section: put its keys below it, indented");
    if (auto read = section(member.second, path + "."); !read) return read;
  }
  return {};
}

Result<void> Reader::value(const Option& option, const YAML::Node& node, int line) {
  const auto& info = option.info;
  const auto expects = [&](const YAML::Node& at, const char* got) {
    // An empty value has no place of its own in the text, so the line of the key is named.
    const int where = at.IsNull() ? line : line_of(at);
    return error(where, info.path + " expects " + info.kind + (info.list ? " or a list of them" : "") + ", got " + got);
  };
  FileEntry entry{.path = info.path, .items = {}, .line = line};
  const auto add = [&](const YAML::Node& item) { entry.items.push_back({item.Scalar(), line_of(item)}); };
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      add(node);
      break;
    case YAML::NodeType::Sequence:
      if (!info.list) return expects(node, "a list");
      for (const auto& item : node) {
        if (!item.IsScalar()) return expects(item, item.IsNull() ? "nothing" : "a list or a section inside the list");
        add(item);
      }
      break;
    case YAML::NodeType::Map:
      return expects(node, "a section");
    default:
      return expects(node, "nothing");
  }
  entries_.push_back(std::move(entry));
  return {};
}

}  // namespace

Result<ConfigFile> read_config_file(const std::filesystem::path& file, const Environment& environment,
                                    ConfigFor purpose) {
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file)) {
    return fail(ErrorCode::invalid_input, "cannot read the configuration file " + file.string());
  }
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  Reader reader(file.string(), environment, purpose);
  if (text.size() > kMaxFileBytes) return reader.error(1, "larger than 1 MiB, which no configuration is");
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(text);
  } catch (const YAML::Exception& e) {
    return reader.error(e.mark.line + 1, "not valid YAML: " + e.msg);
  }
  if (documents.size() > 1) return reader.error(line_of(documents[1]), "a second YAML document; only one is read");
  if (documents.empty() || documents[0].IsNull()) return ConfigFile{};
  if (!documents[0].IsMap()) return reader.error(line_of(documents[0]), "expected lines of the form 'key: value'");
  if (auto read = reader.section(documents[0], ""); !read) return std::unexpected(read.error());
  return reader.take();
}

}  // namespace hekto::app
