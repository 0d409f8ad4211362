// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/inputs.h"

#include <charconv>

#include "domain/openapi.h"

namespace hekto::runners {

using domain::Value;

namespace {

const Value* member(const Value* value, std::string_view name) {
  return value == nullptr ? nullptr : value->find(name);
}

const Value* not_null(const Value* value) { return value != nullptr && value->is_null() ? nullptr : value; }

}  // namespace

Inputs::Inputs(const domain::Version& version, const Value& input, std::string_view part)
    : input_(input), properties_(member(domain::openapi_schema(version.openapi_schema, part), "properties")) {}

const Value* Inputs::property(std::string_view name) const { return member(properties_, name); }

const Value* Inputs::default_of(std::string_view name) const { return not_null(member(property(name), "default")); }

const Value* Inputs::find(std::string_view name) const {
  const Value* sent = not_null(input_.find(name));
  return sent != nullptr ? sent : default_of(name);
}

bool Inputs::declares(std::string_view name) const {
  return property(name) != nullptr || not_null(input_.find(name)) != nullptr;
}

std::int64_t Inputs::integer(std::string_view name, std::int64_t fallback) const {
  const Value* value = find(name);
  if (value == nullptr) return fallback;
  if (const auto* i = value->as_int()) return *i;
  // Beyond this a double has no int64 to become.
  if (const auto* d = value->as_double(); d != nullptr && *d > -9e15 && *d < 9e15) return static_cast<std::int64_t>(*d);
  return fallback;
}

double Inputs::number(std::string_view name, double fallback) const {
  const Value* value = find(name);
  return value != nullptr && value->is_number() ? value->number() : fallback;
}

double Inputs::seconds(std::initializer_list<std::string_view> names, double fallback) const {
  for (const auto name : names) {
    const Value* value = find(name);
    if (value == nullptr) continue;
    if (value->is_number()) return value->number();
    const auto* text = value->as_string();
    double number = 0;
    if (text == nullptr) continue;
    const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
    if (read.ec == std::errc{}) return number;
  }
  return fallback;
}

bool Inputs::sent(std::string_view name) const { return not_null(input_.find(name)) != nullptr; }

std::string Inputs::text(std::string_view name, std::string_view fallback) const {
  const Value* value = find(name);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string(fallback);
}

std::string Inputs::prompt() const {
  for (const auto name : {"prompt", "text"}) {
    if (declares(name)) return text(name);
  }
  const auto* members = input_.as_object();
  if (members == nullptr) return {};
  for (const auto& [name, value] : *members) {
    const auto* text = value.as_string();
    if (text != nullptr && !text->starts_with("http") && !text->starts_with("data:")) return *text;
  }
  return {};
}

std::optional<std::uint64_t> Inputs::seed() const {
  const std::int64_t seed = integer("seed", -1);
  if (seed < 0) return std::nullopt;
  return static_cast<std::uint64_t>(seed);
}

}  // namespace hekto::runners
