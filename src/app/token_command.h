// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"

namespace hekto::app {

/// What `command` prints when /bin/sh runs it, up to 64 KiB. invalid_input when it fails, prints nothing, or has not
/// ended after ten seconds. Neither the command nor what it prints is part of an error. Blocks.
Result<std::string> run_token_command(const std::string& command);

}  // namespace hekto::app
