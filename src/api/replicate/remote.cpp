// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/remote.h"

#include "api/problem.h"
#include "base/text.h"
#include "json/value_json.h"

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

domain::RelayTarget relay_target(const domain::Offer& offer, domain::RelayTarget named) {
  if (offer.at.empty()) {
    const bool alone = named.kind == domain::RelayTarget::Kind::version && named.name.find('/') == std::string::npos;
    // Which upstreams take it depends on the model, where that is known.
    if (alone && !offer.model->owner.empty()) named.name.insert(0, offer.model->full_name() + ":");
    return named;
  }
  return {domain::RelayTarget::Kind::trained, offer.at + ":" + offer.version->id};
}

async::Task<http::Response> remote_document(const Api& api, const json::UrlContext& urls, std::string method,
                                            std::string path, std::string body) {
  auto document = co_await api.remote->get(std::move(method), std::move(path), std::move(body));
  if (!document) co_return error_response(document.error());
  constexpr char kMarks[] = {ports::kRemoteBase, ports::kRemoteOrigin, '\0'};
  std::string text;
  text.reserve(document->body->size() + 256);
  for (std::string_view rest = *document->body; !rest.empty();) {
    const auto at = rest.find_first_of(kMarks);
    text += rest.substr(0, at);
    if (at == std::string_view::npos) break;
    text += urls.origin;
    if (rest[at] == ports::kRemoteBase) text += urls.mount;
    rest.remove_prefix(at + 1);
  }
  http::Response response;
  response.status = static_cast<unsigned>(document->status);
  response.content_type = static_type(document->content_type);
  response.body = std::move(text);
  co_return response;
}

std::optional<domain::Value> value_of(const http::Response& answer) {
  const auto* text = std::get_if<std::string>(&answer.body);
  if (answer.status != 200 || text == nullptr) return std::nullopt;
  auto value = json::parse(*text);
  return value ? std::optional(std::move(*value)) : std::nullopt;
}

http::Response behind_ours(http::Response answer, std::string_view name, std::string_view ours, std::size_t limit) {
  auto list = ours.empty() ? std::nullopt : value_of(answer);
  if (!list || list->as_object() == nullptr) return answer;
  auto own = json::parse("[" + std::string(ours) + "]");
  for (auto& [key, member] : *list->as_object()) {
    if (key != name || member.as_array() == nullptr || !own) continue;
    auto& all = *own->as_array();
    auto& theirs = *member.as_array();
    all.insert(all.end(), std::make_move_iterator(theirs.begin()), std::make_move_iterator(theirs.end()));
    if (all.size() > limit) all.resize(limit);
    theirs = std::move(all);
  }
  answer.body = json::dump(*list);
  return answer;
}

namespace {

/// Whether the path names what is the upstream's: not when it names a model that is served here, or one of an account.
async::Task<bool> is_upstreams(const Api& api, const Call& call) {
  if (!is_remote(api, call)) co_return false;
  const auto [owner, name] = model_in(call.path);
  if (owner.empty()) co_return true;
  if (!api.remote->serves({domain::RelayTarget::Kind::model, owner + "/" + name})) co_return false;
  co_return !co_await api.models.get(call.caller->key().account, owner, name);
}

}  // namespace

async::Task<std::optional<http::Response>> remote_answer(const Api& api, const Call& call) {
  if (!co_await is_upstreams(api, call)) co_return std::nullopt;
  std::string path(call.path);
  if (!call.request.query.empty()) path.append("?").append(call.request.query);
  co_return co_await remote_document(api, call.urls, std::string(http::to_string(call.request.method)), std::move(path),
                                     std::string(call.request.body));
}

async::Task<std::optional<http::Response>> refuse_change(const Api& api, const Call& call) {
  if (!co_await is_upstreams(api, call)) co_return std::nullopt;
  const auto there = co_await api.remote->get("GET", std::string(call.path), {});
  if (!there) co_return error_response(there.error());
  co_return there->status == 200 ? error_response({ErrorCode::forbidden, "it is the upstream's"}) : not_found();
}

async::Task<std::vector<std::string>> known_skus(const Api& api, const Call& call) {
  std::vector<std::string> skus;
  if (is_remote(api, call)) {
    const auto value = value_of(co_await remote_document(api, call.urls, "GET", "/hardware", {}));
    if (value && value->as_array() != nullptr) {
      for (const auto& machine : *value->as_array()) skus.emplace_back(machine.text_of("sku"));
    }
  }
  if (!skus.empty()) co_return skus;
  for (const auto& hardware : api.options.hardware) skus.push_back(hardware.sku);
  co_return skus;
}

}  // namespace hekto::api
