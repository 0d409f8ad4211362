// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/webhooks.h"

namespace hekto::store {

using async::Task;
using domain::WebhookMessage;
using domain::WebhookSecrets;

void SqliteStore::set_outbox(ports::Outbox compose) { outbox_ = std::move(compose); }

Task<Result<std::vector<ports::DueWebhook>>> SqliteStore::due_webhooks(ports::DueWebhooksQuery query) {
  return readers_.run<std::vector<ports::DueWebhook>>(
      [query = std::move(query)](Connection& connection) { return store::due_webhooks(connection, query); });
}

Task<Result<WebhookMessage>> SqliteStore::find_webhook(std::string id) {
  return readers_.run<WebhookMessage>(
      [id = std::move(id)](Connection& connection) { return store::find_webhook(connection, id); });
}

Task<Result<void>> SqliteStore::record_webhook_attempt(std::string id, domain::WebhookAttempt attempt,
                                                       domain::MessageState state, Time next) {
  return writer_.run<void>(Changes::several,
                           [id = std::move(id), attempt = std::move(attempt), state, next](Connection& connection) {
                             return store::record_webhook_attempt(connection, id, attempt, state, next);
                           });
}

Task<Result<std::vector<ports::WebhookRecord>>> SqliteStore::list_webhooks(ports::WebhooksQuery query) {
  return readers_.run<std::vector<ports::WebhookRecord>>(
      [query = std::move(query)](Connection& connection) { return store::list_webhooks(connection, query); });
}

Task<Result<void>> SqliteStore::resend_webhook(std::string id, std::string body, Time now) {
  return writer_.run<void>(Changes::several, [id = std::move(id), body = std::move(body), now](Connection& connection) {
    return store::resend_webhook(connection, id, body, now);
  });
}

Task<Result<ports::WebhookSweep>> SqliteStore::sweep_webhooks(Time expire_before, Time forget_before, std::size_t limit,
                                                              Time now) {
  return writer_.run<ports::WebhookSweep>(
      Changes::several, [expire_before, forget_before, limit, now](Connection& connection) {
        return store::sweep_webhooks(connection, expire_before, forget_before, limit, now);
      });
}

Task<Result<WebhookSecrets>> SqliteStore::webhook_secrets(std::string account) {
  return readers_.run<WebhookSecrets>(
      [account = std::move(account)](Connection& connection) { return store::webhook_secrets(connection, account); });
}

Task<Result<WebhookSecrets>> SqliteStore::make_webhook_secret(std::string account, Secret secret) {
  return writer_.run<WebhookSecrets>(
      Changes::one, [account = std::move(account), secret = std::move(secret)](Connection& connection) {
        return store::make_webhook_secret(connection, account, secret);
      });
}

Task<Result<WebhookSecrets>> SqliteStore::rotate_webhook_secret(std::string account, Secret secret,
                                                                Time previous_until) {
  return writer_.run<WebhookSecrets>(
      Changes::one, [account = std::move(account), secret = std::move(secret), previous_until](Connection& connection) {
        return store::rotate_webhook_secret(connection, account, secret, previous_until);
      });
}

}  // namespace hekto::store
