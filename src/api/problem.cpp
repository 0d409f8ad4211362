// SPDX-License-Identifier: Apache-2.0
#include "api/problem.h"

#include "base/json_text.h"

namespace hekto::api {

http::Response not_found() { return http::problem(404, "The requested resource could not be found."); }

http::Response error_response(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_input:
      return http::problem(400, error.message, "Bad request");
    case ErrorCode::unauthenticated:
      return http::problem(401, error.message, "Unauthenticated");
    case ErrorCode::forbidden:
      return http::problem(403, "You do not have permission to perform this action.", "Forbidden");
    case ErrorCode::not_found:
      return not_found();
    case ErrorCode::conflict:
      return http::problem(409, error.message, "Conflict");
    case ErrorCode::too_large:
      return http::problem(413, error.message);
    case ErrorCode::rate_limited:
      return http::problem(429, error.message);
    case ErrorCode::unavailable: {
      auto response = http::problem(503, error.message, "Service unavailable");
      response.set("retry-after", "1");
      return response;
    }
    case ErrorCode::storage: {
      // Whether the change happened may be unknown. The header keeps clients that repeat a POST on 5xx from doing so.
      auto response = http::problem(500, "The server could not store this. Please check before trying again.",
                                    "Internal server error");
      response.set("x-should-retry", "false");
      return response;
    }
    case ErrorCode::canceled:
    case ErrorCode::timeout:
    case ErrorCode::upstream:
    case ErrorCode::internal:
      break;
  }
  return http::problem(500, "Internal server error", "Internal server error");
}

http::Response validation_failed(const std::vector<domain::FieldProblem>& problems) {
  std::string body = R"({"detail":)";
  append_json_string(body, domain::problems_to_detail(problems));
  body += R"(,"status":422,"title":"Input validation failed","invalid_fields":[)";
  for (std::size_t i = 0; i < problems.size(); ++i) {
    body += i == 0 ? R"({"type":)" : R"(,{"type":)";
    append_json_string(body, problems[i].type);
    body += R"(,"field":)";
    append_json_string(body, problems[i].field);
    body += R"(,"description":)";
    append_json_string(body, problems[i].description);
    body += '}';
  }
  body += "]}\n";
  http::Response response;
  response.status = 422;
  response.content_type = "application/problem+json";
  response.body = std::move(body);
  return response;
}

http::Response throttled(const domain::RateLimit::Decision& decision) {
  const std::string seconds = std::to_string(decision.reset_seconds);
  http::Response response;
  response.status = 429;
  response.content_type = "application/problem+json";
  response.body = R"({"detail":"Request was throttled. Your rate limit resets in ~)" + seconds +
                  R"(s.","status":429,"retry_after":)" + seconds + "}\n";
  response.set("retry-after", seconds);
  response.set("ratelimit-remaining", "0");
  response.set("ratelimit-reset", seconds);
  return response;
}

}  // namespace hekto::api
