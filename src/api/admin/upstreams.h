// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>

#include "http/router.h"
#include "ports/upstream_stats.h"
#include "service/submissions.h"

namespace hekto::api {

/// What the administrative routes about upstreams work with. It all outlives the router.
struct UpstreamsAdmin {
  /// nullopt when no server runs: what is known of accounts is in its memory. Any thread; does not block.
  std::function<std::optional<ports::RelayStats>()> stats;
  service::Submissions& submissions;
};

void add_upstream_admin_routes(http::Router& router, UpstreamsAdmin admin);

}  // namespace hekto::api
