// SPDX-License-Identifier: Apache-2.0
#include "api/admin/answers.h"
#include "api/api.h"

namespace hekto::api {
namespace {

using domain::Value;

Value account_value(const domain::Account& account) {
  return Value::Object{{"id", account.id}, {"name", account.name}, {"created_at", format_time(account.created_at)}};
}

Value::Object key_value(const domain::Key& key, const std::string& account_name) {
  return {{"id", key.id},
          {"name", key.name},
          {"account", account_name},
          {"mode", key.test ? "test" : "live"},
          {"created_at", format_time(key.created_at)},
          {"expires_at", time_or_null(key.expires_at)},
          {"revoked_at", time_or_null(key.revoked_at)}};
}

async::Task<http::Response> create_account(service::Accounts& accounts, http::Request& request) {
  const auto body = read_object(request.body);
  if (!body) co_return admin_error(body.error());
  const auto account = co_await accounts.create_account(std::string(body->text_of("name")));
  if (!account) co_return admin_error(account.error());
  co_return json_response(201, account_value(*account));
}

async::Task<http::Response> list_accounts(service::Accounts& accounts, http::Request&) {
  const auto found = co_await accounts.list_accounts();
  if (!found) co_return admin_error(found.error());
  Value::Array rows;
  for (const auto& account : *found) rows.push_back(account_value(account));
  co_return json_response(200, Value::Object{{"accounts", std::move(rows)}});
}

async::Task<http::Response> create_key(service::Accounts& accounts, http::Request& request) {
  const auto body = read_object(request.body);
  if (!body) co_return admin_error(body.error());
  std::optional<Duration> life;
  if (const Value* seconds = body->find("expires_seconds"); seconds != nullptr && !seconds->is_null()) {
    constexpr double kMaxSeconds = 10.0 * 366 * 24 * 3600;
    if (!seconds->is_number() || !(seconds->number() > 0) || seconds->number() > kMaxSeconds) {
      co_return admin_error({ErrorCode::invalid_input, "expires_seconds must lie between 0 and ten years"});
    }
    life = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds->number()));
  }
  const Value* test = body->find("test");
  const bool is_test = test != nullptr && test->as_bool() != nullptr && *test->as_bool();
  auto created = co_await accounts.create_key(std::string(body->text_of("name")), std::string(body->text_of("account")),
                                              is_test, life);
  if (!created) co_return admin_error(created.error());
  auto row = key_value(created->key, created->account_name);
  row.emplace_back("key", created->text.reveal());
  co_return json_response(201, Value(std::move(row)));
}

async::Task<http::Response> list_keys(service::Accounts& accounts, http::Request&) {
  const auto found = co_await accounts.list_keys();
  if (!found) co_return admin_error(found.error());
  Value::Array rows;
  for (const auto& info : *found) rows.push_back(key_value(info.key, info.account_name));
  co_return json_response(200, Value::Object{{"keys", std::move(rows)}});
}

async::Task<http::Response> revoke_key(service::Accounts& accounts, http::Request& request) {
  const auto revoked = co_await accounts.revoke_key(std::string(request.params[0]));
  if (!revoked) co_return admin_error(revoked.error());
  co_return json_response(200, key_value(revoked->key, revoked->account_name));
}

}  // namespace

void add_admin_routes(http::Router& router, service::Accounts& accounts) {
  const auto add = [&](http::Method method, std::string pattern, auto handler) {
    router.add(method, std::move(pattern),
               [&accounts, handler](http::Request& request) { return handler(accounts, request); });
  };
  add(http::Method::post, "/admin/v1/accounts", create_account);
  add(http::Method::get, "/admin/v1/accounts", list_accounts);
  add(http::Method::post, "/admin/v1/keys", create_key);
  add(http::Method::get, "/admin/v1/keys", list_keys);
  add(http::Method::post, "/admin/v1/keys/{id}/revoke", revoke_key);
}

}  // namespace hekto::api
