// SPDX-License-Identifier: Apache-2.0
#include "service/webhooks.h"

#include <algorithm>
#include <chrono>

#include "base/ids.h"
#include "service/webhook_payload.h"
#include "service/webhook_post.h"

namespace hekto::service {
namespace {

constexpr Duration kOverlap = std::chrono::hours(24);

}  // namespace

async::Task<Result<Secret>> Webhooks::secret(std::string account_id) {
  auto secrets = co_await obtain_webhook_secrets(store_, std::move(account_id));
  if (!secrets) co_return std::unexpected(secrets.error());
  co_return std::move(secrets->current);
}

async::Task<Result<domain::Account>> Webhooks::account_named(std::string name) {
  auto accounts = co_await store_.list_accounts();
  if (!accounts) co_return std::unexpected(accounts.error());
  for (auto& account : *accounts) {
    if (account.name == name) co_return std::move(account);
  }
  co_return fail(ErrorCode::not_found, "there is no account '" + name + "'");
}

async::Task<Result<domain::WebhookSecrets>> Webhooks::rotate(std::string account_name) {
  auto account = co_await account_named(std::move(account_name));
  if (!account) co_return std::unexpected(account.error());
  co_return co_await store_.rotate_webhook_secret(account->id, domain::new_webhook_secret(), clock_.now() + kOverlap);
}

async::Task<Result<std::vector<Webhooks::Item>>> Webhooks::list(std::string account_name, bool undelivered_only,
                                                                std::size_t limit) {
  ports::WebhooksQuery query{.account = {}, .undelivered_only = undelivered_only, .limit = limit};
  if (!account_name.empty()) {
    auto account = co_await account_named(account_name);
    if (!account) co_return std::unexpected(account.error());
    query.account = std::move(account->id);
  }
  auto accounts = co_await store_.list_accounts();
  if (!accounts) co_return std::unexpected(accounts.error());
  auto records = co_await store_.list_webhooks(std::move(query));
  if (!records) co_return std::unexpected(records.error());
  std::vector<Item> items;
  for (auto& record : *records) {
    const auto owner = std::ranges::find(*accounts, record.message.account, &domain::Account::id);
    std::string name = owner == accounts->end() ? record.message.account : owner->name;
    items.push_back({std::move(record), std::move(name)});
  }
  co_return items;
}

async::Task<Result<void>> Webhooks::resend(std::string id) {
  if (is_id(id)) id = webhook_message_id(id);
  const auto message = co_await store_.find_webhook(id);
  if (!message) co_return std::unexpected(message.error());
  std::string body;
  if (message->body.empty()) {
    const auto prediction = co_await store_.find_prediction(message->prediction_id);
    if (!prediction) co_return std::unexpected(prediction.error());
    if (prediction->webhook) body = webhook_body(*prediction, signer_);
  }
  const auto again = co_await store_.resend_webhook(std::move(id), std::move(body), clock_.now());
  if (again && wake_) wake_();
  co_return again;
}

}  // namespace hekto::service
