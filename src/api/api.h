// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/file.h"
#include "domain/hardware.h"
#include "domain/link.h"
#include "domain/model.h"
#include "http/message.h"
#include "http/router.h"
#include "ports/clock.h"
#include "ports/file_store.h"
#include "ports/remote_catalog.h"
#include "ports/upstream_hooks.h"
#include "service/accounts.h"
#include "service/deployments.h"
#include "service/files.h"
#include "service/keyring.h"
#include "service/live_files.h"
#include "service/models.h"
#include "service/predictions.h"
#include "service/versions.h"
#include "service/webhooks.h"

namespace hekto::api {

struct ApiOptions {
  std::string public_url;  ///< origin of every link; empty: that of each request
  std::size_t max_json_body = 16 << 20;
  Duration link_lifetime = std::chrono::hours(1);
  std::vector<domain::Hardware> hardware = domain::default_hardware();
  Duration idempotency_lifetime = std::chrono::hours(24);
  /// Told of requests that show that others reach this server, before anything is done for them. Any thread, must not
  /// block; may be empty.
  std::function<void()> on_outside_request = {};
};

/// What the routes work with. Everything outlives the router.
struct Api {
  service::KeyRing& keys;
  service::Predictions& predictions;
  const domain::Catalog& catalog;
  const domain::LinkSigner& signer;
  const domain::FileSigner& file_signer;
  ports::FileStore& files;
  service::Files& uploads;
  service::Deployments& deployments;
  service::Models& models;
  service::Versions& versions;
  const ports::Clock& clock;
  service::Webhooks& webhooks;
  const service::LiveFiles& live;
  ApiOptions options;
  ports::RemoteCatalog* remote = nullptr;  ///< nullptr: nothing runs at upstreams
};

/// The absolute URLs of one request's answer: its own origin and mount.
class RequestUrls {
 public:
  /// The origin is options.public_url, or X-Forwarded-Proto and -Host from a trusted proxy, or scheme and Host.
  RequestUrls(const Api& api, const http::Request& request, std::string_view mount);
  json::UrlContext context() const { return {origin_, mount_, signer_}; }

 private:
  std::string origin_;
  std::string_view mount_;
  const domain::LinkSigner* signer_;
};

/// A request that passed authentication and its allowance.
struct Call {
  http::Request& request;
  const service::Principal& caller;
  json::UrlContext urls;
  std::string_view path = {};  ///< without the mount: "/models/owner/name/predictions"; empty from answer_call
};
using CallHandler = std::function<async::Task<http::Response>(const Api&, Call&)>;

service::Viewer viewer_of(const Call& call);
/// Whether the caller's key sees and runs what upstreams have.
bool is_remote(const Api& api, const Call& call);

/// What add_route does for a handler behind a key, for a route that is not always behind one: authentication, the
/// allowance of `rate_class` with its headers. `handler` outlives the answer.
async::Task<http::Response> answer_call(const Api& api, http::Request& request, const json::UrlContext& urls,
                                        service::RateClass rate_class, const CallHandler& handler);

/// Adds a route under every official mount (/v1 and /replicate/v1) and its aliases for clients with an unusual base
/// URL, behind authentication and the allowance of `rate_class`. Answers carry ratelimit-remaining and ratelimit-reset.
void add_route(http::Router& router, const Api& api, http::Method method, std::string_view path,
               service::RateClass rate_class, CallHandler handler, http::RouteOptions options = {});

/// The same without a key: for URLs that carry their own secret.
void add_open_route(
    http::Router& router, const Api& api, http::Method method, std::string_view path,
    std::function<async::Task<http::Response>(const Api&, http::Request&, const json::UrlContext&)> handler);

/// The event stream that the token in the path opens; needs no key.
async::Task<http::Response> stream_events(const Api& api, http::Request& request, const json::UrlContext& urls);

// One function a resource; each adds its routes.
void add_prediction_routes(http::Router& router, const Api& api);
void add_training_routes(http::Router& router, const Api& api);
void add_model_routes(http::Router& router, const Api& api);
/// Creating, changing and deleting models.
void add_own_model_routes(http::Router& router, const Api& api);
void add_account_routes(http::Router& router, const Api& api);
void add_stream_routes(http::Router& router, const Api& api);
void add_deployment_routes(http::Router& router, const Api& api);
void add_hardware_routes(http::Router& router, const Api& api);
void add_collection_routes(http::Router& router, const Api& api);
void add_search_routes(http::Router& router, const Api& api);
/// Uploads, and at /files/{token} the streams of models that make files.
void add_file_routes(http::Router& router, const Api& api);
/// The absolute `next` of a list glued behind a base URL, which Go's pager makes: /v1/https://host/v1/predictions?…
void add_glued_routes(http::Router& router, const Api& api);
void add_delivery_routes(http::Router& router, const Api& api);
void add_webhook_routes(http::Router& router, const Api& api);
/// /openapi.json, also under every mount, without a key; `servers` is the origin and mount of the request. Answers have
/// an ETag, and If-None-Match is obeyed.
void add_openapi_routes(http::Router& router, const Api& api);
/// /upstream-webhooks/{token}, where upstreams tell of the predictions that they run for us. `hooks` outlives the
/// router.
void add_upstream_webhook_routes(http::Router& router, ports::UpstreamHooks& hooks);
/// Administration; for the Unix socket only (app/admin_call.h lists the requests).
void add_admin_routes(http::Router& router, service::Accounts& accounts);
void add_webhook_admin_routes(http::Router& router, service::Webhooks& webhooks);

}  // namespace hekto::api
