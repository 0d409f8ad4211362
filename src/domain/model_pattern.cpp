// SPDX-License-Identifier: Apache-2.0
#include "domain/model_pattern.h"

#include "base/text.h"

namespace hekto::domain {
namespace {

bool is_part(std::string_view part) {
  if (part == "*") return true;
  return !part.empty() && part.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                              std::string_view::npos;
}

bool part_fits(std::string_view part, std::string_view pattern) { return pattern == "*" || iequals(part, pattern); }

}  // namespace

bool fits_model_pattern(std::string_view name, std::string_view pattern) {
  std::string_view name_rest = name;
  std::string_view pattern_rest = pattern;
  const auto owner = take_until(name_rest, '/');
  const auto owner_pattern = take_until(pattern_rest, '/');
  return part_fits(owner, owner_pattern) && part_fits(name_rest, pattern_rest);
}

bool is_model_pattern(std::string_view text) {
  std::string_view rest = text;
  const auto owner = take_until(rest, '/');
  return is_part(owner) && is_part(rest);
}

}  // namespace hekto::domain
