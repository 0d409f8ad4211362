// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "domain/value.h"

namespace hekto::cli {

/// Files given as key=@path travel inside the request; together they may have this many bytes.
inline constexpr std::size_t kMaxFileBytes = 10'000'000;

struct RunInput {
  domain::Value value;                ///< the input object
  std::vector<std::string> warnings;  ///< for people: inputs that the model does not have
};

/// Makes the input of a prediction from "key=value" arguments. `openapi` is the version's openapi_schema, or nullptr.
/// The type that the schema gives an input decides how its text is read: "42" stays text where text is wanted.
/// Without a schema, what reads as a JSON number, true, false, null, array or object becomes one, the rest is text.
/// key=@path sends the file as a data URL, key=@@text is the text "@text". Repeating a key makes a list where
/// the schema has one. Blocks while reading files. invalid_input names the argument that is wrong.
Result<RunInput> build_input(const std::vector<std::string>& arguments, const domain::Value* openapi);

/// True when the version's output is text that arrives in pieces to be read joined.
bool output_is_joined_text(const domain::Value* openapi);

}  // namespace hekto::cli
