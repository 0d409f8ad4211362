// SPDX-License-Identifier: Apache-2.0
#include "api/admin/answers.h"
#include "api/api.h"

namespace hekto::api {
namespace {

using domain::Value;

Value attempt_value(const domain::WebhookAttempt& attempt) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(attempt.took).count();
  return Value::Object{{"at", format_time(attempt.at)},
                       {"took_ms", static_cast<std::int64_t>(millis)},
                       {"status", attempt.status != 0 ? Value(attempt.status) : Value()},
                       {"error", attempt.error.empty() ? Value() : Value(attempt.error)}};
}

Value message_value(const service::Webhooks::Item& item) {
  const auto& message = item.record.message;
  const bool pending = message.state == domain::MessageState::pending;
  Value::Array log;
  for (const auto& attempt : item.record.attempts) log.push_back(attempt_value(attempt));
  return Value::Object{{"id", message.id},
                       {"prediction", message.prediction_id},
                       {"account", item.account_name},
                       {"state", std::string(domain::to_string(message.state))},
                       {"attempts", message.attempts},
                       {"since", format_time(message.since)},
                       {"next_attempt_at", pending ? Value(format_time(message.due_at)) : Value()},
                       {"settled_at", time_or_null(message.settled_at)},
                       {"url", message.url},
                       {"log", std::move(log)}};
}

async::Task<http::Response> list(service::Webhooks& webhooks, http::Request& request) {
  const auto limit = read_limit(request);
  if (!limit) co_return admin_error(limit.error());
  const bool failed_only = request.query_param("failed").value_or("") == "true";
  const auto found = co_await webhooks.list(request.query_param("account").value_or(""), failed_only, *limit);
  if (!found) co_return admin_error(found.error());
  Value::Array rows;
  for (const auto& item : *found) rows.push_back(message_value(item));
  co_return json_response(200, Value::Object{{"webhooks", std::move(rows)}});
}

async::Task<http::Response> resend(service::Webhooks& webhooks, http::Request& request) {
  const std::string id(request.params[0]);
  const auto again = co_await webhooks.resend(id);
  if (!again) co_return admin_error(again.error());
  co_return json_response(202, Value::Object{{"id", id}});
}

async::Task<http::Response> rotate(service::Webhooks& webhooks, http::Request& request) {
  const auto body = read_object(request.body);
  if (!body) co_return admin_error(body.error());
  const std::string account(body->text_of("account", "default"));
  const auto secrets = co_await webhooks.rotate(account);
  if (!secrets) co_return admin_error(secrets.error());
  co_return json_response(200, Value::Object{{"account", account},
                                             {"key", secrets->current.reveal()},
                                             {"previous_until", time_or_null(secrets->previous_until)}});
}

}  // namespace

void add_webhook_admin_routes(http::Router& router, service::Webhooks& webhooks) {
  const auto add = [&](http::Method method, std::string pattern, auto handler) {
    router.add(method, std::move(pattern),
               [&webhooks, handler](http::Request& request) { return handler(webhooks, request); });
  };
  add(http::Method::get, "/admin/v1/webhooks", list);
  add(http::Method::post, "/admin/v1/webhooks/{id}/resend", resend);
  add(http::Method::post, "/admin/v1/webhook-secrets/rotate", rotate);
}

}  // namespace hekto::api
