// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/page.h"

#include <charconv>

#include "base/encoding.h"
#include "base/json_text.h"
#include "base/text.h"

namespace hekto::api {

/// base64url of "p=<n or o>|<microseconds>|<filter>|<id>".
std::string write_page_cursor(const ports::Position& at, bool newer, std::string_view filter) {
  std::string text = newer ? "p=n|" : "p=o|";
  text += std::to_string(to_micros(at.created_at));
  text.append("|").append(filter).append("|").append(at.id);
  return base64url_encode(text);
}

Result<PageRequest> read_page_cursor(std::string_view cursor) {
  const auto bad = [] { return fail(ErrorCode::invalid_input, "Invalid cursor"); };
  const auto text = base64url_decode(cursor);
  if (!text || !text->starts_with("p=")) return bad();
  std::string_view rest = std::string_view(*text).substr(2);
  const auto direction = take_until(rest, '|');
  const auto time = take_until(rest, '|');
  std::int64_t micros = 0;
  const auto [end, ec] = std::from_chars(time.data(), time.data() + time.size(), micros);
  if ((direction != "n" && direction != "o") || ec != std::errc{} || end != time.data() + time.size()) return bad();
  if (rest.find('|') == std::string_view::npos) return bad();
  PageRequest out;
  out.newer = direction == "n";
  out.filter = take_until(rest, '|');
  out.at = ports::Position{from_micros(micros), std::string(rest)};
  return out;
}

Result<PageRequest> read_page_request(const http::Request& request) {
  const auto cursor = request.query_param("cursor");
  if (!cursor || cursor->empty()) return PageRequest{};
  return read_page_cursor(*cursor);
}

ports::PageQuery page_query(std::string account, const PageRequest& request, std::size_t limit) {
  ports::PageQuery query;
  query.account = std::move(account);
  (request.newer ? query.after : query.before) = request.at;
  query.limit = limit;
  return query;
}

std::string page_json(const json::UrlContext& urls, std::string_view path, const PageRequest& from,
                      const std::optional<ports::Position>& first, const std::optional<ports::Position>& last,
                      bool more, std::string_view results, std::string_view extra_query) {
  // Towards newer, `more` speaks of what lies above this page; below it lies at least the page we came from.
  const bool has_next = last && (from.newer || more);
  const bool has_previous = first && (from.newer ? more : from.at.has_value());
  const auto append_url = [&](std::string& out, bool present, const std::optional<ports::Position>& at, bool newer) {
    if (!present) {
      out += "null";
      return;
    }
    std::string url(urls.origin);
    url.append(urls.mount).append(path).append("?cursor=").append(write_page_cursor(*at, newer, from.filter));
    append_json_string(out, url.append(extra_query));
  };
  std::string out = R"({"next":)";
  append_url(out, has_next, last, false);
  out += R"(,"previous":)";
  append_url(out, has_previous, first, true);
  out.append(R"(,"results":[)").append(results).append("]}");
  return out;
}

}  // namespace hekto::api
