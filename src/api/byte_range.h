// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hekto::api {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

enum class RangeResult { whole, part, unsatisfiable };

/// Reads a Range header (RFC 9110, section 14) for a body of `size` bytes. One range only: several, other units and
/// malformed values mean the whole body, which the RFC allows and which no client can make expensive.
RangeResult parse_range(std::string_view header, std::uint64_t size, ByteRange& range);

}  // namespace hekto::api
