// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/error.h"
#include "domain/rate_limit.h"
#include "domain/schema.h"
#include "http/message.h"

namespace hekto::api {

/// The one place where an Error becomes an HTTP answer, in the official words.
http::Response error_response(const Error& error);

/// 404 {"detail":"The requested resource could not be found.","status":404}.
http::Response not_found();

/// 422 "Input validation failed" with detail lines and invalid_fields.
http::Response validation_failed(const std::vector<domain::FieldProblem>& problems);

/// 429 with Retry-After and the ratelimit headers.
http::Response throttled(const domain::RateLimit::Decision& decision);

}  // namespace hekto::api
