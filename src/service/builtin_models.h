// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace hekto::service {

struct BuiltinModel {
  std::string_view file_name;  ///< in models/
  std::string_view yaml;
};

/// The catalog files that were put into the binary when it was built.
std::span<const BuiltinModel> builtin_models();

}  // namespace hekto::service
