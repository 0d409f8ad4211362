// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "domain/value.h"
#include "runners/sandbox/splitmix.h"

namespace hekto::runners {

/// A value that fits `schema` (a part of the OpenAPI document `root`, where its $ref pointers are resolved): defaults,
/// examples and enum members where the schema has them, else small numbers within its bounds, `text` for strings, and
/// objects with all their properties. Nothing in `random` but the seed decides. A missing schema gives `text`.
/// Patterns are not solved for.
domain::Value sample_value(const domain::Value* schema, const domain::Value& root, const std::string& text,
                           SplitMix& random);

/// Follows $ref, and a sole allOf, to the schema meant; nullptr stays nullptr.
const domain::Value* resolve(const domain::Value* schema, const domain::Value& root);

}  // namespace hekto::runners
