// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <string_view>

namespace hekto::cli {

/// Where a command writes. Results go to `out`; everything for people (progress, hints, errors) to `err`.
struct Terminal {
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
};

/// Exit codes of every command.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kInterrupted = 130;

/// `text` without control characters other than newline and tab: names, logs and model output come from others and
/// must not be able to steer the terminal.
std::string printable(std::string_view text);

}  // namespace hekto::cli
