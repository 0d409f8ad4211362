// SPDX-License-Identifier: Apache-2.0
#include "api/admin/upstreams.h"

#include <cmath>

#include "api/admin/answers.h"

namespace hekto::api {
namespace {

using domain::Value;

Value count(std::uint64_t number) { return Value(static_cast<std::int64_t>(number)); }

Value account_value(const ports::UpstreamAccountStats& account) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(account.create_time).count();
  return Value::Object{{"name", account.name},
                       {"state", account.state},
                       {"until", time_or_null(account.until)},
                       {"submitting", count(account.submitting)},
                       {"open", count(account.open)},
                       {"accepted", count(account.accepted)},
                       {"refused", count(account.refused)},
                       {"turned_away", count(account.turned_away)},
                       {"ambiguous", count(account.ambiguous)},
                       {"requests", count(account.requests)},
                       {"creates_left", static_cast<std::int64_t>(std::floor(account.creates_left))},
                       {"creates_per_minute", static_cast<std::int64_t>(std::lround(account.creates_a_minute))},
                       {"others_left", static_cast<std::int64_t>(std::floor(account.others_left))},
                       {"others_per_minute", static_cast<std::int64_t>(std::lround(account.others_a_minute))},
                       {"create_ms", static_cast<std::int64_t>(millis)}};
}

async::Task<http::Response> list(const UpstreamsAdmin& admin, http::Request&) {
  const auto stats = admin.stats();
  if (!stats) {
    co_return admin_error(
        {ErrorCode::unavailable, "no server runs on this data folder: the state of upstreams is that of a server"});
  }
  Value::Array upstreams;
  for (const auto& upstream : stats->upstreams) {
    Value::Array accounts;
    for (const auto& account : upstream.accounts) accounts.push_back(account_value(account));
    upstreams.push_back(
        Value::Object{{"name", upstream.name}, {"url", upstream.url}, {"accounts", std::move(accounts)}});
  }
  Value::Array waiting_by_key;
  for (const auto& [key, waiting] : stats->waiting_by_key) {
    waiting_by_key.push_back(Value::Object{{"key", key}, {"waiting", count(waiting)}});
  }
  co_return json_response(200, Value::Object{{"upstreams", std::move(upstreams)},
                                             {"waiting", count(stats->waiting)},
                                             {"waiting_by_key", std::move(waiting_by_key)},
                                             {"unsettled", count(stats->unsettled)}});
}

async::Task<http::Response> unknown(const UpstreamsAdmin& admin, http::Request& request) {
  const auto limit = read_limit(request);
  if (!limit) co_return admin_error(limit.error());
  const auto found = co_await admin.submissions.unknown(*limit);
  if (!found) co_return admin_error(found.error());
  Value::Array rows;
  for (const auto& [prediction, account] : *found) {
    const auto& submission = *prediction.submission;
    rows.push_back(Value::Object{{"prediction", prediction.id},
                                 {"account", account},
                                 {"model", prediction.model},
                                 {"upstream", submission.upstream},
                                 {"upstream_account", submission.account},
                                 {"sent_at", format_time(submission.at)}});
  }
  co_return json_response(200, Value::Object{{"submissions", std::move(rows)}});
}

async::Task<http::Response> settle(const UpstreamsAdmin& admin, http::Request& request) {
  const std::string id(request.params[0]);
  const auto settled = co_await admin.submissions.settle(id);
  if (!settled) co_return admin_error(settled.error());
  co_return json_response(200, Value::Object{{"prediction", id}});
}

}  // namespace

void add_upstream_admin_routes(http::Router& router, UpstreamsAdmin admin) {
  const auto shared = std::make_shared<const UpstreamsAdmin>(std::move(admin));
  const auto add = [&](http::Method method, std::string pattern, auto handler) {
    router.add(method, std::move(pattern),
               [shared, handler](http::Request& request) { return handler(*shared, request); });
  };
  add(http::Method::get, "/admin/v1/upstreams", list);
  add(http::Method::get, "/admin/v1/submissions", unknown);
  add(http::Method::post, "/admin/v1/submissions/{id}/settle", settle);
}

}  // namespace hekto::api
