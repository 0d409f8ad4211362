// SPDX-License-Identifier: Apache-2.0
#include "domain/delivery.h"

#include "api/api.h"
#include "api/file_response.h"
#include "api/live_response.h"
#include "api/problem.h"
#include "base/encoding.h"

namespace hekto::api {
namespace {

http::Response refused(std::string_view why) {
  auto response = http::problem(403, why, "Forbidden");
  response.set("access-control-allow-origin", "*");
  response.set("cache-control", "no-store");
  return response;
}

/// How long a file is waited for that is on its way, but of which nothing has come yet.
constexpr Duration kPatience = std::chrono::seconds(25);
/// How often it is looked for without a hint.
constexpr Duration kRecheck = std::chrono::seconds(1);

/// Whether a link leads to what is not there yet. It is signed, so it was shown once: the file was on its way when this
/// process or the one before it had to begin anew.
bool is_awaited(const domain::Prediction& p, const domain::Link& link) {
  if (!p.relay || domain::is_terminal(p.status) || link.kind != domain::LinkKind::delivery) return false;
  const auto& files = p.output.files;
  return link.index >= files.size() || files[link.index].is_arriving();
}

http::Response not_yet() {
  auto response = http::problem(503, "This file is on its way. Please try again shortly.", "Service unavailable");
  response.set("retry-after", "2");
  response.set("access-control-allow-origin", "*");
  response.set("cache-control", "no-store");
  return response;
}

/// The answer for a file that is awaited, once some of it is there; nullopt when it is awaited no longer.
async::Task<std::optional<http::Response>> live_answer(const Api& api, const domain::Link& link,
                                                       const std::string& name) {
  const async::Executor executor = co_await boost::asio::this_coro::executor;
  const auto news = api.predictions.bus().subscribe(link.prediction_id, executor);
  const auto bell = std::make_shared<async::Bell>();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (auto shown = api.live.find(link.prediction_id, link.index)) {
      if (shown->name != name) co_return refused("This link is not valid.");
      const service::LiveFile::Watch watch(shown->file, bell);
      if (auto state = shown->file->state(); state.content) {
        co_return live_response(std::move(shown->file), std::move(state), std::move(shown->name));
      }
      if (std::chrono::steady_clock::now() >= until || api.predictions.is_stopping()) co_return not_yet();
      co_await bell->wait(kRecheck);
      continue;
    }
    const auto found = co_await api.predictions.get_unchecked(link.prediction_id);
    if (!found || !is_awaited((*found)->value, link)) co_return std::nullopt;
    if (std::chrono::steady_clock::now() >= until || api.predictions.is_stopping()) co_return not_yet();
    co_await news->wait(kRecheck);
  }
}

async::Task<http::Response> deliver(const Api& api, http::Request& request) {
  const auto link = api.signer.verify(request.params[0]);
  if (!link) co_return refused("This link is not valid.");
  const auto name = percent_decode(request.params[1], false).value_or("");
  auto found = co_await api.predictions.get_unchecked(link->prediction_id);
  if (found && is_awaited((*found)->value, *link)) {
    if (auto live = co_await live_answer(api, *link, name)) co_return std::move(*live);
    found = co_await api.predictions.get_unchecked(link->prediction_id);
  }
  if (!found)
    co_return found.error().code == ErrorCode::not_found ? refused("This link has expired.")
                                                         : error_response(found.error());
  const domain::Prediction& p = (*found)->value;
  const Time now = api.clock.now();
  const auto file = domain::delivered_file(p, *link, name, now, api.options.link_lifetime);
  if (!file) {
    co_return refused(file.error() == domain::LinkRefusal::expired ? "This link has expired."
                                                                   : "This link is not valid.");
  }
  const Duration left = p.completed_at.value_or(now) + api.options.link_lifetime - now;
  co_return co_await file_response(api.files, request, p.id, **file, left);
}

async::Task<http::Response> preflight(const Api&, http::Request&) {
  http::Response response;
  response.status = 204;
  response.content_type = {};
  response.set("access-control-allow-origin", "*");
  response.set("access-control-allow-methods", "GET, HEAD, OPTIONS");
  response.set("access-control-allow-headers", "Authorization, Range, If-Range, If-None-Match");
  response.set("access-control-max-age", "86400");
  co_return response;
}

}  // namespace

void add_delivery_routes(http::Router& router, const Api& api) {
  router.add(http::Method::get, "/delivery/{token}/{name}",
             [&api](http::Request& request) { return deliver(api, request); });
  router.add(http::Method::options, "/delivery/{token}/{name}",
             [&api](http::Request& request) { return preflight(api, request); });
}

}  // namespace hekto::api
