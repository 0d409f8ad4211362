// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "api/file_response.h"
#include "api/problem.h"
#include "api/replicate/lists.h"
#include "api/replicate/page.h"
#include "api/replicate/upload_form.h"
#include "base/encoding.h"
#include "base/json_text.h"

namespace hekto::api {
namespace {

constexpr std::size_t kPageSize = 100;
/// What a form adds to its content: boundaries, names, metadata.
constexpr std::size_t kFormRoom = 1 << 20;

http::Response file_not_found() { return http::problem(404, "File not found"); }

http::Response file_error(const Error& error) {
  return error.code == ErrorCode::not_found ? file_not_found() : error_response(error);
}

/// {"detail":"Files must be less than 100MB in size"}, which is all that the official refusal says.
std::string too_large_body(std::size_t limit) {
  constexpr std::size_t kMega = 1 << 20;
  const std::string size = limit >= kMega ? std::to_string(limit / kMega) + "MB" : std::to_string(limit / 1024) + "KB";
  return R"({"detail":"Files must be less than )" + size + R"( in size"})";
}

std::int64_t unix_seconds(Time t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}

/// `owner` is the account's name.
void append_file(std::string& out, const Api& api, const domain::File& file, std::string_view owner,
                 const json::UrlContext& urls) {
  std::string url(urls.origin);
  url.append(urls.mount).append("/files/").append(file.id);
  out.append(R"({"id":")").append(file.id).append("\"");
  append_member(out, "name", file.name);
  append_member(out, "content_type", file.content_type);
  out += ",\"size\":" + std::to_string(file.size);
  append_member(out, "etag", file.sha256);
  out.append(R"(,"checksums":{"sha256":")").append(file.sha256).append(R"("},"metadata":)").append(file.metadata);
  append_member(out, "created_at", format_time(file.created_at));
  append_member(out, "expires_at", format_time(file.expires_at));
  out += R"(,"urls":{"get":)";
  append_json_string(out, url);
  const auto expiry = unix_seconds(file.expires_at);
  url.append("/download?owner=").append(percent_encode(owner)).append("&expiry=").append(std::to_string(expiry));
  url.append("&signature=").append(percent_encode(api.file_signer.signature(owner, file.id, expiry)));
  append_member(out, "download", url);
  out += "}}";
}

http::Response file_answer(unsigned status, const Api& api, const domain::File& file, const Call& call) {
  http::Response response;
  response.status = status;
  std::string text;
  append_file(text, api, file, call.caller->account_name(), call.urls);
  response.body = std::move(text);
  return response;
}

async::Task<http::Response> create_file(const Api& api, Call& call) {
  auto form = read_upload_form(call.request);
  if (auto* refusal = std::get_if<http::Response>(&form)) co_return std::move(*refusal);
  const auto created =
      co_await api.uploads.create(call.caller->key().account, std::move(std::get<service::NewFile>(form)));
  if (!created && created.error().code == ErrorCode::too_large) {
    auto refusal = http::problem(413, "");
    refusal.body = too_large_body(api.uploads.limits().max_bytes);
    co_return refusal;
  }
  if (!created) co_return error_response(created.error());
  co_return file_answer(201, api, *created, call);
}

async::Task<http::Response> get_file(const Api& api, Call& call) {
  const auto file = co_await api.uploads.get(call.caller->key().account, call.request.params[0]);
  if (!file) co_return file_error(file.error());
  co_return file_answer(200, api, *file, call);
}

async::Task<http::Response> delete_file(const Api& api, Call& call) {
  const auto removed = co_await api.uploads.remove(call.caller->key().account, std::string(call.request.params[0]));
  if (!removed) co_return file_error(removed.error());
  http::Response response;
  response.status = 204;
  response.content_type = {};
  co_return response;
}

/// Needs no key: the signature says that this server gave the link away.
async::Task<http::Response> download_file(const Api& api, http::Request& request, const json::UrlContext&) {
  const auto owner = request.query_param("owner");
  const auto expiry = request.query_param("expiry");
  auto signature = request.query_param("signature");
  if (!owner || !expiry || !signature) co_return file_not_found();
  // A '+' that was put into the query as it is has become a blank, which base64 does not have.
  std::ranges::replace(*signature, ' ', '+');
  std::int64_t until = 0;
  const auto [end, ec] = std::from_chars(expiry->data(), expiry->data() + expiry->size(), until);
  if (ec != std::errc{} || end != expiry->data() + expiry->size()) co_return file_not_found();
  const Time now = api.clock.now();
  if (unix_seconds(now) >= until || !api.file_signer.verify(*owner, request.params[0], until, *signature)) {
    co_return file_not_found();
  }
  const auto file = co_await api.uploads.get_unchecked(request.params[0]);
  if (!file) co_return file_error(file.error());
  const Duration left = std::min<Duration>(file->expires_at - now, std::chrono::seconds(until - unix_seconds(now)));
  co_return co_await file_response(api.files, request, file->id,
                                   {file->name, file->content_type, file->size, file->sha256}, left);
}

/// The JavaScript client tells streams of files by this path, so that it leads to two things: what has the length of a
/// stream's token, and needs no key, and file ids.
async::Task<http::Response> get_file_or_stream(const Api& api, http::Request& request, const json::UrlContext& urls) {
  static const CallHandler kGetFile = get_file;
  if (request.params[0].size() == domain::kLinkTokenLength) co_return co_await stream_events(api, request, urls);
  co_return co_await answer_call(api, request, urls, service::RateClass::other, kGetFile);
}

}  // namespace

async::Task<http::Response> list_files(const Api& api, Call& call) {
  const auto from = read_page_request(call.request);
  if (!from) co_return error_response(from.error());
  const auto page = co_await api.uploads.list(page_query(call.caller->key().account, *from, kPageSize));
  if (!page) co_return error_response(page.error());
  std::string results;
  for (const auto& file : page->items) {
    if (!results.empty()) results += ',';
    append_file(results, api, file, call.caller->account_name(), call.urls);
  }
  std::optional<ports::Position> first;
  std::optional<ports::Position> last;
  if (!page->items.empty()) {
    first = {page->items.front().created_at, page->items.front().id};
    last = {page->items.back().created_at, page->items.back().id};
  }
  http::Response response;
  response.body = page_json(call.urls, "/files", *from, first, last, page->more, results);
  co_return response;
}

void add_file_routes(http::Router& router, const Api& api) {
  using service::RateClass;
  const std::size_t limit = api.uploads.limits().max_bytes;
  add_route(router, api, http::Method::get, "/files", RateClass::other, list_files);
  add_route(router, api, http::Method::post, "/files", RateClass::other, create_file,
            {.max_body = limit + kFormRoom, .too_large = too_large_body(limit)});
  add_open_route(router, api, http::Method::get, "/files/{token}", get_file_or_stream);
  add_route(router, api, http::Method::del, "/files/{id}", RateClass::other, delete_file);
  add_open_route(router, api, http::Method::get, "/files/{id}/download", download_file);
}

}  // namespace hekto::api
