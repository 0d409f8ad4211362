// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "domain/value.h"

namespace hekto::domain {

/// The schema called `name` of an OpenAPI document ("Input", "Output", ...), or nullptr.
const Value* openapi_schema(const Value& document, std::string_view name);

/// Follows what merely wraps a schema to the schema meant: a $ref into `root`, an allOf of one, an anyOf or oneOf of
/// one and null. nullptr stays nullptr, and is the answer to a $ref that leads nowhere or in circles.
const Value* resolve_schema(const Value* schema, const Value& root);

}  // namespace hekto::domain
