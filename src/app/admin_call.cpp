// SPDX-License-Identifier: Apache-2.0
#include "app/admin_call.h"

#include <memory>
#include <optional>

#include <curl/curl.h>

#include "api/admin/upstreams.h"
#include "api/api.h"
#include "app/gateway.h"
#include "async/run_blocking.h"
#include "base/encoding.h"
#include "base/random.h"
#include "base/text.h"
#include "json/value_json.h"
#include "store/sqlite/sqlite_store.h"

namespace hekto::app {
namespace {

Result<AdminReply> read_reply(unsigned status, std::string_view text) {
  auto body = json::parse(text);
  if (!body) return fail(ErrorCode::internal, "the server's answer is not JSON");
  return AdminReply{status, std::move(*body)};
}

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

/// nullopt when no server listens on the socket.
std::optional<Result<AdminReply>> call_server(const std::filesystem::path& socket, std::string_view method,
                                              std::string_view path, const std::string& body) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  const std::string url = "http://hekto" + std::string(path);
  const std::string verb(method);
  std::string text;
  curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, verb.c_str());
  if (method != "GET") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &text);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 30L);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_COULDNT_CONNECT) return std::nullopt;
  if (code != CURLE_OK) {
    return fail(ErrorCode::unavailable, std::string("the running server did not answer: ") + curl_easy_strerror(code));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return read_reply(static_cast<unsigned>(status), text);
}

async::Task<http::Response> dispatch(const http::Router& router, http::Request& request) {
  const auto match = router.match(request.method, request.path, request.params);
  if (match.route == nullptr) co_return http::problem(404, "no such administrative request");
  co_return co_await match.route->handler(request);
}

/// The same routes as a running server has, on a store opened for this one call.
Result<AdminReply> call_store(const std::filesystem::path& data, std::string_view method, std::string_view path,
                              const std::string& body) {
  // Made before the store, which completes its work on these threads until it is closed.
  async::IoThreads io(1);
  auto store = store::SqliteStore::open(data, {});
  if (!store) return std::unexpected(store.error());
  SystemClock clock;
  io.start();
  auto link_key = async::run_blocking(io.next(), (*store)->setting("link_key", hex_encode(random_string_bytes(32))));
  if (!link_key) return std::unexpected(link_key.error());
  const domain::LinkSigner signer{Secret(std::move(*link_key))};
  service::Accounts accounts(**store, clock, nullptr);
  service::Webhooks webhooks(**store, clock, signer, {});
  service::Submissions submissions(**store, clock);
  http::Router router;
  api::add_admin_routes(router, accounts);
  api::add_webhook_admin_routes(router, webhooks);
  api::add_upstream_admin_routes(router, {[] { return std::optional<ports::RelayStats>(); }, submissions});
  http::Request request;
  request.method = method == "GET" ? http::Method::get : http::Method::post;
  request.target = path;
  request.path = take_until(path, '?');
  request.query = path;
  request.body = body;
  const auto response = async::run_blocking(io.next(), dispatch(router, request));
  io.join();
  const auto* text = std::get_if<std::string>(&response.body);
  return read_reply(response.status, text != nullptr ? *text : std::string());
}

}  // namespace

Result<AdminReply> admin_call(const std::filesystem::path& data, std::string_view method, std::string_view path,
                              const domain::Value& body) {
  const std::string text = json::dump(body);
  if (auto reply = call_server(data / "hekto.sock", method, path, text)) return std::move(*reply);
  return call_store(data, method, path, text);
}

}  // namespace hekto::app
