// SPDX-License-Identifier: Apache-2.0
#include "domain/openapi.h"

#include "base/text.h"

namespace hekto::domain {
namespace {

constexpr int kMostHops = 32;

/// What the list `name` of a schema wraps: its only member that is not null; nullptr when there are more, or none.
const Value* wrapped(const Value& schema, std::string_view name) {
  const Value* list = schema.find(name);
  const auto* parts = list != nullptr ? list->as_array() : nullptr;
  if (parts == nullptr) return nullptr;
  const Value* found = nullptr;
  for (const auto& part : *parts) {
    if (part.text_of("type") == "null") continue;
    if (found != nullptr) return nullptr;
    found = &part;
  }
  return found;
}

}  // namespace

const Value* openapi_schema(const Value& document, std::string_view name) {
  const Value* at = document.find("components");
  if (at != nullptr) at = at->find("schemas");
  return at != nullptr ? at->find(name) : nullptr;
}

const Value* resolve_schema(const Value* schema, const Value& root) {
  for (int hops = 0; schema != nullptr && hops < kMostHops; ++hops) {
    if (auto pointer = schema->text_of("$ref"); pointer.starts_with("#/")) {
      pointer.remove_prefix(2);
      schema = &root;
      while (!pointer.empty() && schema != nullptr) schema = schema->find(take_until(pointer, '/'));
      continue;
    }
    if (schema->find("type") != nullptr) return schema;
    const Value* inner = nullptr;
    for (const auto* name : {"allOf", "anyOf", "oneOf"}) {
      if (inner == nullptr) inner = wrapped(*schema, name);
    }
    if (inner == nullptr) return schema;
    schema = inner;
  }
  return nullptr;
}

}  // namespace hekto::domain
