// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/cursor.h"

#include <charconv>

#include "base/encoding.h"
#include "base/ids.h"
#include "base/text.h"

namespace hekto::api {
namespace {

std::string micros_or_empty(const std::optional<Time>& t) { return t ? std::to_string(to_micros(*t)) : std::string(); }

Result<std::optional<Time>> read_micros(std::string_view text) {
  if (text.empty()) return std::optional<Time>();
  std::int64_t micros = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), micros);
  if (ec != std::errc{} || end != text.data() + text.size()) return fail(ErrorCode::invalid_input, "Invalid cursor");
  return from_micros(micros);
}

/// base64url of "p=<id>|<n or o>|<after>|<before>|<w or a>".
std::string write_cursor(const ListRequest& from, bool newer, const std::string& id) {
  std::string text = "p=" + id;
  text += newer ? "|n|" : "|o|";
  text += micros_or_empty(from.created_after) + "|" + micros_or_empty(from.created_before);
  text += from.web_only ? "|w" : "|a";
  return base64url_encode(text);
}

Result<ListRequest> read_cursor(std::string_view cursor) {
  const auto bad = [] { return fail(ErrorCode::invalid_input, "Invalid cursor"); };
  const auto text = base64url_decode(cursor);
  if (!text || !text->starts_with("p=")) return bad();
  std::string_view rest = std::string_view(*text).substr(2);
  ListRequest out;
  const auto id = take_until(rest, '|');
  const auto direction = take_until(rest, '|');
  const auto after = read_micros(take_until(rest, '|'));
  const auto before = read_micros(take_until(rest, '|'));
  if (!is_id(id) || (direction != "n" && direction != "o") || !after || !before || (rest != "w" && rest != "a"))
    return bad();
  out.id = std::string(id);
  out.newer = direction == "n";
  out.created_after = *after;
  out.created_before = *before;
  out.web_only = rest == "w";
  return out;
}

}  // namespace

Result<ListRequest> read_list_request(const http::Request& request) {
  if (const auto cursor = request.query_param("cursor"); cursor && !cursor->empty()) return read_cursor(*cursor);
  ListRequest out;
  for (const auto& [name, target] :
       {std::pair{"created_after", &out.created_after}, std::pair{"created_before", &out.created_before}}) {
    const auto text = request.query_param(name);
    if (!text) continue;
    const auto time = parse_time(*text);
    if (!time) {
      return fail(ErrorCode::invalid_input, "Query parameter \"" + std::string(name) + "\" is " + time.error().message);
    }
    *target = *time;
  }
  if (const auto source = request.query_param("source")) {
    if (*source != "web") return fail(ErrorCode::invalid_input, "Query parameter \"source\" allows only \"web\"");
    out.web_only = true;
  }
  return out;
}

void append_cursor_url(std::string& out, const json::UrlContext& urls, std::string_view path, const ListRequest& from,
                       bool newer, const std::string& id) {
  if (id.empty()) {
    out += "null";
    return;
  }
  out.append("\"").append(urls.origin).append(urls.mount).append(path).append("?cursor=");
  out += write_cursor(from, newer, id);
  if (from.created_after) out += "&created_after=" + percent_encode(format_time(*from.created_after));
  if (from.created_before) out += "&created_before=" + percent_encode(format_time(*from.created_before));
  if (from.web_only) out += "&source=web";
  out += '"';
}

}  // namespace hekto::api
