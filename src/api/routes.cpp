// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <expected>
#include <optional>

#include "api/api.h"
#include "api/outside.h"
#include "api/problem.h"
#include "api/replicate/create_mark.h"
#include "base/text.h"

namespace hekto::api {
namespace {

struct Mount {
  std::string_view prefix;     ///< where requests come in
  std::string_view canonical;  ///< what links are written with
};
/// The two official mounts, then what clients make of a base URL that has one /v1 too many or too few.
constexpr std::array<Mount, 5> kMounts = {{{"/v1", "/v1"},
                                           {"/replicate/v1", "/replicate/v1"},
                                           {"/v1/v1", "/v1"},
                                           {"/replicate/v1/v1", "/replicate/v1"},
                                           {"/replicate", "/replicate/v1"}}};

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == ':' || c == '[' || c == ']';
  });
}

std::string_view first_item(std::string_view list) { return trim(list.substr(0, list.find(','))); }

/// A caller who is let in, and what is left of the allowance.
struct Admitted {
  service::Principal caller;
  std::optional<domain::RateLimit::Decision> decision;
};
std::expected<Admitted, http::Response> admit_call(const Api& api, const http::Request& request,
                                                   service::RateClass rate_class) {
  const Time now = api.clock.now();
  auto caller = api.keys.authenticate(request.header("authorization"), now);
  if (!caller) return std::unexpected(error_response(caller.error()));
  const auto decision = (*caller)->take(rate_class, now);
  if (decision && !decision->allowed) return std::unexpected(throttled(*decision));
  return Admitted{std::move(*caller), decision};
}

void add_rate_headers(http::Response& response, const domain::RateLimit::Decision& decision) {
  response.set("ratelimit-remaining", std::to_string(decision.remaining));
  response.set("ratelimit-reset", std::to_string(decision.reset_seconds));
}

}  // namespace

RequestUrls::RequestUrls(const Api& api, const http::Request& request, std::string_view mount)
    : mount_(mount), signer_(&api.signer) {
  if (!api.options.public_url.empty()) {
    origin_ = api.options.public_url;
    return;
  }
  bool secure = request.secure;
  std::string_view host = request.header("host");
  if (request.remote_is_trusted_proxy) {
    if (const auto scheme = first_item(request.header("x-forwarded-proto")); !scheme.empty()) {
      secure = iequals(scheme, "https");
    }
    if (const auto forwarded = first_item(request.header("x-forwarded-host")); is_host(forwarded)) host = forwarded;
  }
  if (!is_host(host)) host = "localhost";
  origin_.reserve(host.size() + 8);
  origin_.append(secure ? "https://" : "http://").append(host);
}

async::Task<http::Response> answer_call(const Api& api, http::Request& request, const json::UrlContext& urls,
                                        service::RateClass rate_class, const CallHandler& handler) {
  auto admitted = admit_call(api, request, rate_class);
  if (!admitted) co_return std::move(admitted.error());
  Call call{request, admitted->caller, urls};
  auto response = co_await handler(api, call);
  if (admitted->decision) add_rate_headers(response, *admitted->decision);
  co_return response;
}

void add_route(http::Router& router, const Api& api, http::Method method, std::string_view path,
               service::RateClass rate_class, CallHandler handler, http::RouteOptions options) {
  options.admit = [&api](const http::Request& request) -> std::optional<http::Response> {
    const auto caller = api.keys.authenticate(request.header("authorization"), api.clock.now());
    if (!caller) return error_response(caller.error());
    return std::nullopt;
  };
  for (const auto& mount : kMounts) {
    router.add(
        method, std::string(mount.prefix) + std::string(path),
        // The router keeps this object for as long as it serves, so the coroutine may use its captures.
        [&api, mount, rate_class, handler](http::Request& request) -> async::Task<http::Response> {
          const auto below_mount = request.path.substr(mount.prefix.size());
          auto admitted = admit_call(api, request, rate_class);
          if (!admitted) {
            const bool create = rate_class == service::RateClass::create;
            if (create && admitted.error().status == 429) note_refused_create(api, request, below_mount);
            co_return std::move(admitted.error());
          }
          if (api.options.on_outside_request && comes_from_outside(request)) api.options.on_outside_request();
          const RequestUrls urls(api, request, mount.canonical);
          Call call{request, admitted->caller, urls.context(), below_mount};
          auto response = co_await handler(api, call);
          if (admitted->decision) add_rate_headers(response, *admitted->decision);
          co_return response;
        },
        options);
  }
}

void add_open_route(
    http::Router& router, const Api& api, http::Method method, std::string_view path,
    std::function<async::Task<http::Response>(const Api&, http::Request&, const json::UrlContext&)> handler) {
  for (const auto& mount : kMounts) {
    router.add(method, std::string(mount.prefix) + std::string(path),
               [&api, canonical = mount.canonical, handler](http::Request& request) -> async::Task<http::Response> {
                 const RequestUrls urls(api, request, canonical);
                 co_return co_await handler(api, request, urls.context());
               });
  }
}

}  // namespace hekto::api
