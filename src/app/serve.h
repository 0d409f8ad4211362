// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/config.h"

namespace hekto::app {

/// Runs the server until SIGTERM or SIGINT, drains, and returns the exit code: 0 after a clean drain, 1 when it could
/// not start (the reason is on standard error). A second signal ends it at once (exit code 130).
int serve(const Config& config);

}  // namespace hekto::app
