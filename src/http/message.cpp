// SPDX-License-Identifier: Apache-2.0
#include "http/message.h"

#include "base/encoding.h"
#include "base/json_text.h"
#include "base/text.h"

namespace hekto::http {

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::query:
      return "QUERY";
    case Method::trace:
      return "TRACE";
  }
  return "GET";
}

std::string_view Request::header(std::string_view name) const {
  for (const Header& header : headers) {
    if (iequals(header.name, name)) return header.value;
  }
  return {};
}

std::optional<std::string> Request::query_param(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    std::string_view value = take_until(rest, '&');
    const auto key = percent_decode(take_until(value, '='), true);
    if (key && *key == name) return percent_decode(value, true);
  }
  return std::nullopt;
}

Response problem(unsigned status, std::string_view detail, std::string_view title) {
  std::string text = "{";
  if (!title.empty()) {
    text += "\"title\":";
    append_json_string(text, title);
    text += ',';
  }
  text += "\"detail\":";
  append_json_string(text, detail);
  text += ",\"status\":";
  text += std::to_string(status);
  text += '}';
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = std::move(text);
  return response;
}

}  // namespace hekto::http
