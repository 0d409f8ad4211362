// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/admin_call.h"
#include "app/config.h"
#include "cli/run_command.h"
#include "cli/terminal.h"

namespace hekto::cli {

/// What the commands do in the end, given by main() and replaced in tests.
struct Actions {
  std::function<int(const app::Config&)> serve;
  std::function<Result<app::AdminReply>(const std::filesystem::path& data, std::string_view method,
                                        std::string_view path, const domain::Value& body)>
      admin_call;
  std::function<int(const RunOptions&, Terminal&)> run;
  std::function<std::optional<std::string>(const std::string&)> environment;
};

/// Reads the command line (without the program's name), performs the command and returns the exit code: what the
/// command returned, kUsage for a command line that makes no sense, kDone after --help.
int run_command_line(std::vector<std::string> arguments, const Actions& actions, Terminal& terminal);

}  // namespace hekto::cli
