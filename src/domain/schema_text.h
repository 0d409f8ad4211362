// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "domain/value.h"

namespace hekto::domain {

// How problem descriptions show values. The official service is written in Go, so these are Go's ways.

/// A limit as Go's big.Float prints with %v: "4", "0.25", from 1e6 on and below 1e-4 with an exponent: "2.147e+09".
std::string limit_text(const Value& number);

/// Compact JSON as Go's json.Marshal writes it: members sorted by name, < > & escaped, 4.0 as 4. Values that are equal
/// by JSON Schema's rules have equal texts.
std::string canonical_text(const Value& value);

/// Whether Go's url.Parse reads `text` as a URL with a scheme, and it holds no backslash: what "format": "uri" means.
bool is_absolute_uri(std::string_view text);

}  // namespace hekto::domain
