// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "ports/store.h"
#include "store/sqlite/database.h"

namespace hekto::store {

// The transactions of ports::Store that concern webhooks, as plain functions on a connection.

/// Adds a message with its body; nothing happens when its id is taken.
void insert_webhook(Connection& connection, const domain::WebhookMessage& message);

Result<std::vector<ports::DueWebhook>> due_webhooks(Connection& connection, const ports::DueWebhooksQuery& query);
Result<domain::WebhookMessage> find_webhook(Connection& connection, std::string_view id);
Result<void> record_webhook_attempt(Connection& connection, std::string_view id, const domain::WebhookAttempt& attempt,
                                    domain::MessageState state, Time next);
Result<std::vector<ports::WebhookRecord>> list_webhooks(Connection& connection, const ports::WebhooksQuery& query);
Result<void> resend_webhook(Connection& connection, std::string_view id, std::string_view body, Time now);
Result<ports::WebhookSweep> sweep_webhooks(Connection& connection, Time expire_before, Time forget_before,
                                           std::size_t limit, Time now);

Result<domain::WebhookSecrets> webhook_secrets(Connection& connection, std::string_view account);
Result<domain::WebhookSecrets> make_webhook_secret(Connection& connection, std::string_view account,
                                                   const Secret& secret);
Result<domain::WebhookSecrets> rotate_webhook_secret(Connection& connection, std::string_view account,
                                                     const Secret& secret, Time previous_until);

}  // namespace hekto::store
