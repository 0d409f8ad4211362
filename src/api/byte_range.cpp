// SPDX-License-Identifier: Apache-2.0
#include "api/byte_range.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace hekto::api {
namespace {

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

RangeResult parse_range(std::string_view header, std::uint64_t size, ByteRange& range) {
  range = {0, size};
  const std::string_view unit = take_until(header, '=');
  if (!iequals(trim(unit), "bytes") || header.find(',') != std::string_view::npos) return RangeResult::whole;
  header = trim(header);
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return RangeResult::whole;
  const auto first = read_number(header.substr(0, dash));
  const auto last = read_number(header.substr(dash + 1));
  if (!first && dash != 0) return RangeResult::whole;
  if (!last && dash + 1 != header.size()) return RangeResult::whole;
  if (!first) {  // "-n": the last n bytes
    if (!last) return RangeResult::whole;
    if (*last == 0 || size == 0) return RangeResult::unsatisfiable;
    range.length = std::min(*last, size);
    range.offset = size - range.length;
    return RangeResult::part;
  }
  if (last && *last < *first) return RangeResult::whole;
  if (*first >= size) return RangeResult::unsatisfiable;
  range.offset = *first;
  range.length = (last ? std::min(*last, size - 1) : size - 1) - *first + 1;
  return RangeResult::part;
}

}  // namespace hekto::api
