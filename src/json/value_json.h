// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "domain/value.h"

namespace hekto::json {

inline constexpr std::size_t kMaxDepth = 64;

/// Reads one JSON text (RFC 8259), strictly: UTF-8 without BOM, nothing after the value, no duplicate member names, at
/// most kMaxDepth nested arrays and objects, numbers within 64-bit integers or finite doubles. invalid_input otherwise.
/// Whole numbers from 2^63 to 2^64-1 become doubles; longer ones are refused. Any thread; each keeps a parser.
Result<domain::Value> parse(std::string_view text);

/// Compact JSON text as JSON.stringify would write it: no spaces, non-ASCII unescaped, whole doubles without fraction.
std::string dump(const domain::Value& value);
void append(std::string& out, const domain::Value& value);
void append_number(std::string& out, double number);

}  // namespace hekto::json
