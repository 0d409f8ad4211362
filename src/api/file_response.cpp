// SPDX-License-Identifier: Apache-2.0
#include "api/file_response.h"

#include <algorithm>
#include <array>

#include "api/byte_range.h"
#include "api/problem.h"
#include "base/encoding.h"
#include "base/log.h"

namespace hekto::api {
namespace {

/// Types a browser may show. Everything else is offered for download, so that nothing a model wrote can run as a page
/// of this origin.
constexpr std::array<std::string_view, 12> kInlineTypes = {"image/png",  "image/jpeg", "image/webp", "image/gif",
                                                           "image/avif", "audio/mpeg", "audio/wav",  "audio/ogg",
                                                           "audio/flac", "video/mp4",  "video/webm", "text/plain"};

/// filename="…", and filename*= beside it (RFC 6266) for a name that a quoted text cannot hold.
std::string file_name_parameter(const std::string& name) {
  std::string plain = name;
  std::ranges::replace_if(
      plain, [](char c) { return c < 0x20 || c >= 0x7F || c == '"' || c == '\\' || c == '%'; }, '_');
  std::string out = "filename=\"" + plain + "\"";
  if (plain != name) out += "; filename*=UTF-8''" + percent_encode(name);
  return out;
}

bool matches_etag(std::string_view list, std::string_view etag) {
  return list == "*" || list.find(etag) != std::string_view::npos;
}

}  // namespace

void add_content_headers(http::Response& response, const std::string& name, std::string_view content_type) {
  const bool is_inline = std::ranges::find(kInlineTypes, content_type) != kInlineTypes.end();
  response.content_type = {};
  response.set("content-disposition", (is_inline ? "inline; " : "attachment; ") + file_name_parameter(name));
  response.set("access-control-allow-origin", "*");
  response.set("access-control-expose-headers", "Content-Length, Content-Range, ETag");
  response.set("cross-origin-resource-policy", "cross-origin");
  response.set("x-content-type-options", "nosniff");
  response.set("content-security-policy", "default-src 'none'; sandbox");
  response.set("referrer-policy", "no-referrer");
}

async::Task<http::Response> file_response(ports::FileStore& files, const http::Request& request, std::string owner,
                                          domain::OutputFile file, Duration left) {
  http::Response response;
  response.compressible = false;
  const std::string etag = "\"" + file.sha256 + "\"";
  const auto seconds_left = std::chrono::duration_cast<std::chrono::seconds>(left).count();
  response.set("etag", etag);
  response.set("accept-ranges", "bytes");
  response.set("cache-control", "private, max-age=" + std::to_string(std::max<std::int64_t>(0, seconds_left)));
  add_content_headers(response, file.name, file.content_type);
  if (request.has_header("if-none-match") && matches_etag(request.header("if-none-match"), etag)) {
    response.status = 304;
    co_return response;
  }
  response.set("content-type", file.content_type);

  auto opened = co_await files.open({owner, file.sha256});
  if (!opened || (*opened)->size() != file.size) {
    log::error("a published file is missing or damaged", {{"owner", owner}, {"file", file.sha256}});
    co_return http::problem(500, "This file cannot be read.", "Internal server error");
  }
  ByteRange range{0, file.size};
  const auto if_range = request.header("if-range");
  if (request.has_header("range") && (if_range.empty() || if_range == etag)) {
    const auto result = parse_range(request.header("range"), file.size, range);
    if (result == RangeResult::unsatisfiable) {
      auto unsatisfiable = http::problem(416, "The range lies outside of this file.", "Range not satisfiable");
      unsatisfiable.set("content-range", "bytes */" + std::to_string(file.size));
      unsatisfiable.set("access-control-allow-origin", "*");
      co_return unsatisfiable;
    }
    if (result == RangeResult::part) {
      response.status = 206;
      response.set("content-range", "bytes " + std::to_string(range.offset) + "-" +
                                        std::to_string(range.offset + range.length - 1) + "/" +
                                        std::to_string(file.size));
    }
  }
  if ((*opened)->descriptor() >= 0) {
    response.body = http::FileBody{*opened, (*opened)->descriptor(), range.offset, range.length};
  } else {
    auto bytes = co_await (*opened)->read(range.offset, range.length);
    if (!bytes) co_return error_response(bytes.error());
    response.body = std::move(*bytes);
  }
  co_return response;
}

}  // namespace hekto::api
