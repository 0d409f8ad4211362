// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "http/router.h"

namespace hekto::api {

/// What the operational routes ask the server.
struct SystemStatus {
  std::function<bool()> ready;           ///< false while starting, draining, or when the store takes no writes
  std::function<std::string()> metrics;  ///< Prometheus text exposition format 0.0.4
};

/// /healthz (the process answers), /readyz (it should get requests), /metrics (for loopback callers that no proxy
/// speaks for; others get 404), /p/{id} (the page that urls.web names).
void add_system_routes(http::Router& router, SystemStatus status);

}  // namespace hekto::api
