// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "domain/value.h"
#include "runners/sandbox/splitmix.h"

namespace hekto::runners {

/// What the values are made of.
struct SampleContent {
  std::string text = {};                               ///< for strings
  std::string uri = "https://sandbox.invalid/output";  ///< for strings that are files
  std::size_t numbers = 2;                             ///< length of a list of numbers
};

/// A value that fits `schema` (a part of the OpenAPI document `root`, where its $ref pointers are resolved): defaults,
/// examples and enum members where the schema has them, else small numbers within its bounds, `content` for strings,
/// and objects with all their properties. Nothing in `random` but the seed decides. A missing schema gives the text.
/// Patterns are not solved for.
domain::Value sample_value(const domain::Value* schema, const domain::Value& root, const SampleContent& content,
                           SplitMix& random);

}  // namespace hekto::runners
