// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "domain/schema.h"
#include "domain/schema_node.h"

namespace hekto::domain {
namespace {

/// A reference token of a JSON Pointer.
std::string token(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

void collect(const Schema::Node& node, const Value& value, const std::string& at, std::vector<Schema::Uri>& out) {
  // The same place is reached by several ways when schemas are combined.
  if (node.uri && value.as_string() != nullptr && std::ranges::find(out, at, &Schema::Uri::pointer) == out.end()) {
    out.push_back({at, *value.as_string()});
  }
  for (const auto* group : {&node.all_of, &node.any_of, &node.one_of}) {
    for (const auto& child : *group) collect(*child, value, at, out);
  }
  if (const auto* array = value.as_array(); array != nullptr && node.items) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      collect(*node.items, (*array)[i], at + "/" + std::to_string(i), out);
    }
  }
  if (const auto* object = value.as_object()) {
    for (const auto& [name, member] : *object) {
      const auto known = node.names.find(name);
      const Schema::Node* schema = known != node.names.end() ? node.properties[known->second].schema.get() : nullptr;
      if (schema == nullptr && known == node.names.end()) schema = node.additional.get();
      if (schema != nullptr) collect(*schema, member, at + token(name), out);
    }
  }
}

}  // namespace

std::vector<Schema::Uri> Schema::uris(const Value& value) const {
  std::vector<Uri> out;
  if (root_) collect(*root_, value, "", out);
  return out;
}

}  // namespace hekto::domain
