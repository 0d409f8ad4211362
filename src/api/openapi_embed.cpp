// SPDX-License-Identifier: Apache-2.0
// hekto_openapi_embed OUTPUT.cpp PART.yaml…
// A program of the build: joins the parts of the OpenAPI document and writes them, as JSON, into a source file. So the
// server has no YAML to read, and a mistake in a part ends the build.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "json/value_json.h"
#include "service/catalog_yaml.h"

namespace {

using hekto::domain::Value;

// Compilers need not take longer literals than 64 KiB.
constexpr std::size_t kPiece = 16'000;

Value read_part(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error(path.string() + " cannot be read");
  hekto::service::YamlReader reader(path.filename().string());
  auto part = reader.value(reader.parse(text.str()));
  if (reader.error()) throw std::runtime_error(reader.error()->message);
  if (part.as_object() == nullptr) throw std::runtime_error(path.string() + " is not a mapping");
  return part;
}

/// Puts the members of `part` into `whole`. Objects of one name are joined; anything else may stand in one part only.
void join(Value::Object& whole, Value::Object& part, const std::string& where) {
  for (auto& [name, value] : part) {
    const auto found = std::ranges::find(whole, name, &Value::Member::first);
    if (found == whole.end()) {
      whole.emplace_back(name, std::move(value));
    } else if (found->second.as_object() != nullptr && value.as_object() != nullptr) {
      join(*found->second.as_object(), *value.as_object(), where + "/" + name);
    } else {
      throw std::runtime_error(where + "/" + name + " stands in two parts");
    }
  }
}

void write_text(std::ostream& out, std::string_view text) {
  if (text.find(")json\"") != std::string_view::npos) throw std::runtime_error("the document ends its own literal");
  while (!text.empty()) {
    out << "    R\"json(" << text.substr(0, kPiece) << ")json\",\n";
    text.remove_prefix(std::min(kPiece, text.size()));
  }
}

void write_source(const std::filesystem::path& path, std::string_view document) {
  // The URL of the server is filled in for each request.
  constexpr std::string_view kServer = R"("servers":[{"url":")";
  const auto at = document.find(kServer);
  if (at == std::string_view::npos) throw std::runtime_error("the document does not begin its servers with a URL");
  const auto begin = at + kServer.size();
  const auto end = document.find('"', begin);
  std::ofstream out(path, std::ios::trunc);
  out << "// Made by hekto_openapi_embed from openapi/.\n#include \"api/openapi_text.h\"\n\nnamespace hekto::api "
         "{\nnamespace {\n"
         "constexpr std::string_view kBefore[] = {\n";
  write_text(out, document.substr(0, begin));
  out << "};\nconstexpr std::string_view kAfter[] = {\n";
  write_text(out, document.substr(end));
  out << "};\n}  // namespace\n\nOpenApiText openapi_text() { return {kBefore, kAfter}; }\n\n}  // namespace "
         "hekto::api\n";
  if (!out.flush()) throw std::runtime_error(path.string() + " cannot be written");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3) throw std::runtime_error("usage: hekto_openapi_embed OUTPUT.cpp PART.yaml...");
    Value whole = Value::Object{};
    for (int i = 2; i < argc; ++i) {
      Value part = read_part(argv[i]);
      join(*whole.as_object(), *part.as_object(), "");
    }
    write_source(argv[1], hekto::json::dump(whole));
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "openapi: " << e.what() << '\n';
    return 1;
  }
}
