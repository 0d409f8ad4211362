// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

#include "api/problem.h"
#include "json/value_json.h"

namespace hekto::api {

// What all administrative routes are answered with.

/// Administration is told more than a client is: which account, key or message is unknown.
inline http::Response admin_error(const Error& error) {
  return error.code == ErrorCode::not_found ? http::problem(404, error.message) : error_response(error);
}

inline http::Response json_response(unsigned status, const domain::Value& value) {
  http::Response response;
  response.status = status;
  response.body = json::dump(value);
  return response;
}

inline domain::Value time_or_null(const std::optional<Time>& t) {
  return t ? domain::Value(format_time(*t)) : domain::Value();
}

/// invalid_input unless `body` is a JSON object.
inline Result<domain::Value> read_object(std::string_view body) {
  auto value = json::parse(body);
  if (!value || value->as_object() == nullptr) return fail(ErrorCode::invalid_input, "the body must be a JSON object");
  return value;
}

/// The query's `limit` of a list: 100 unless it says so, 1 to 10000; else invalid_input.
inline Result<std::size_t> read_limit(const http::Request& request) {
  constexpr std::size_t kDefault = 100;
  constexpr std::size_t kMax = 10'000;
  const auto text = request.query_param("limit");
  if (!text) return kDefault;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error != std::errc() || end != text->data() + text->size() || limit < 1 || limit > kMax) {
    return fail(ErrorCode::invalid_input, "limit must lie between 1 and 10000");
  }
  return limit;
}

}  // namespace hekto::api
