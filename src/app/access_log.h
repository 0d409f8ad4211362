// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/config.h"
#include "http/server.h"

namespace hekto::app {

/// Writes the log line of one answered request when `mode` asks for it: request_id, method, path, status, bytes, ms,
/// remote. Failures of the server (5xx) are logged in every mode.
void log_exchange(const http::Exchange& exchange, AccessLog mode);

/// The path as it may stand in a log: at most 200 bytes, and a route's pattern in place of a path that carries a token.
std::string loggable_path(const http::Exchange& exchange);

}  // namespace hekto::app
