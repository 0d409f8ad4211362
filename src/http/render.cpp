// SPDX-License-Identifier: Apache-2.0
#include "http/render.h"

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

#include "base/text.h"

namespace hekto::http {

namespace {

std::string_view reason(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

bool is_safe_name(std::string_view name) {
  for (const char c : name) {
    if (c <= ' ' || c >= 0x7F || c == ':') return false;
  }
  return !name.empty();
}

bool is_safe_value(std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7F) return false;
  }
  return true;
}

}  // namespace

bool has_safe_headers(const Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (!is_safe_name(name) || !is_safe_value(value)) return false;
  }
  return true;
}

bool has_no_body(unsigned status) { return status < 200 || status == 204 || status == 304; }

void render_head(std::string& out, const Response& response, const HeadFacts& facts) {
  if (response.status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
  } else {
    out += "HTTP/1.1 ";
    append_number(out, response.status);
    out += ' ';
    out += reason(response.status);
    out += "\r\n";
  }
  if (!response.content_type.empty() && !has_no_body(response.status)) {
    out += "Content-Type: ";
    out += response.content_type;
    out += "\r\n";
  }
  if (facts.length) {
    out += "Content-Length: ";
    append_number(out, *facts.length);
    out += "\r\n";
  } else if (facts.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (facts.gzip) out += "Content-Encoding: gzip\r\n";
  if (facts.vary) out += "Vary: Accept-Encoding\r\n";
  for (const auto& [name, value] : response.headers) {
    out += name;
    out += ": ";
    // A compressed body is another representation: only a weak tag may stand for both.
    if (facts.gzip && value.starts_with('"') && iequals(name, "etag")) out += "W/";
    out += value;
    out += "\r\n";
  }
  if (facts.connection == HeadFacts::Connection::close) out += "Connection: close\r\n";
  if (facts.connection == HeadFacts::Connection::keep_alive) out += "Connection: keep-alive\r\n";
  out += "Date: ";
  out += facts.date;
  out += "\r\nx-request-id: ";
  out += facts.request_id;
  out += "\r\n\r\n";
}

std::string http_date(std::int64_t unix_seconds) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text;
  const int size = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                                 kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                                 parts.tm_min, parts.tm_sec);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace hekto::http
