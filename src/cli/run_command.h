// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "cli/terminal.h"
#include "cli/transport.h"

namespace hekto::cli {

struct RunOptions {
  std::string model;                ///< OWNER/NAME[:VERSION]
  std::vector<std::string> inputs;  ///< key=value, key=@file
  std::string url;                  ///< base URL in any form that api_root() takes
  Secret key;
  std::string save_folder;  ///< empty: files are printed as links
  bool stream = false;
  bool json = false;
  std::optional<Duration> timeout;  ///< of waiting, after which the prediction is canceled
};

/// What a run needs of the world; replaced in tests.
struct RunWorld {
  Transport& transport;
  std::function<bool()> interrupted;
  std::function<void(std::chrono::milliseconds)> sleep;  ///< returns early when interrupted
  std::function<std::chrono::steady_clock::time_point()> now;
};

/// Runs a model through the API and prints what comes out. Returns the exit code: kDone when it succeeded, kFailed,
/// kUsage when the arguments are wrong, kInterrupted when `interrupted` said so (then the prediction is canceled).
int run_model(const RunOptions& options, const RunWorld& world, Terminal& terminal);

}  // namespace hekto::cli
