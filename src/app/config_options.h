// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"

namespace hekto::app {

/// How one option is read into a Config. The one table: file keys, variables, flags, help and documentation follow it.
struct Option {
  OptionInfo info;
  /// Empties the list before a stronger source fills it anew; empty for single values.
  std::function<void(Config&)> clear;
  /// Sets the value, or adds one item of a list. Errors are phrases that go behind the option's name.
  std::function<Result<void>(Config&, std::string_view)> set;
};

const std::vector<Option>& option_table();
/// nullptr when there is no such path.
const Option* find_option(std::string_view path);

}  // namespace hekto::app
