// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/remote.h"

#include "api/problem.h"
#include "base/text.h"

namespace hekto::api {
namespace {

/// "owner", "name" of a path that begins with "/models/"; empty for others.
std::pair<std::string, std::string> model_in(std::string_view path) {
  if (!path.starts_with("/models/")) return {};
  path.remove_prefix(8);
  const auto owner = take_until(path, '/');
  return {std::string(owner), std::string(take_until(path, '/'))};
}

/// Answers refer to static text.
std::string_view static_type(std::string_view type) {
  constexpr std::string_view kTypes[] = {"application/json", "application/problem+json", "text/plain; charset=utf-8",
                                         "text/markdown; charset=utf-8"};
  const auto word = [](std::string_view text) { return trim(text.substr(0, text.find(';'))); };
  for (const auto known : kTypes) {
    if (iequals(word(known), word(type))) return known;
  }
  return "text/plain; charset=utf-8";
}

}  // namespace

service::Viewer viewer_of(const Call& call) { return {call.caller->key().account, call.caller->key().test}; }

bool is_remote(const Api& api, const Call& call) { return api.remote != nullptr && !call.caller->key().test; }

async::Task<http::Response> remote_document(const Api& api, const json::UrlContext& urls, std::string method,
                                            std::string path, std::string body) {
  auto document = co_await api.remote->get(std::move(method), std::move(path), std::move(body));
  if (!document) co_return error_response(document.error());
  const std::string base = std::string(urls.origin) + std::string(urls.mount);
  std::string text;
  text.reserve(document->body->size() + 256);
  for (std::string_view rest = *document->body; !rest.empty();) {
    const auto at = rest.find(ports::kRemoteBase);
    text += rest.substr(0, at);
    if (at == std::string_view::npos) break;
    text += base;
    rest.remove_prefix(at + 1);
  }
  http::Response response;
  response.status = static_cast<unsigned>(document->status);
  response.content_type = static_type(document->content_type);
  response.body = std::move(text);
  co_return response;
}

async::Task<std::optional<http::Response>> remote_answer(const Api& api, const Call& call) {
  if (!is_remote(api, call)) co_return std::nullopt;
  const auto [owner, name] = model_in(call.path);
  if (!owner.empty()) {
    if (!api.remote->serves({domain::RelayTarget::Kind::model, owner + "/" + name})) co_return std::nullopt;
    const auto own = co_await api.models.get(call.caller->key().account, owner, name);
    if (own) co_return std::nullopt;
  }
  std::string path(call.path);
  if (!call.request.query.empty()) path.append("?").append(call.request.query);
  co_return co_await remote_document(api, call.urls, std::string(http::to_string(call.request.method)), std::move(path),
                                     std::string(call.request.body));
}

}  // namespace hekto::api
