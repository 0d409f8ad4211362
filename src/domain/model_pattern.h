// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hekto::domain {

/// Whether "owner/name" fits a pattern of the same form, in which a whole part may be "*".
bool fits_model_pattern(std::string_view name, std::string_view pattern);
/// Whether it is a pattern: two parts of [A-Za-z0-9._-]+ or "*".
bool is_model_pattern(std::string_view text);

}  // namespace hekto::domain
