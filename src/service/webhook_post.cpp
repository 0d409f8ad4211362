// SPDX-License-Identifier: Apache-2.0
#include "service/webhook_post.h"

#include <algorithm>

#include "domain/http_url.h"

namespace hekto::service {

async::Task<Result<domain::WebhookSecrets>> obtain_webhook_secrets(ports::Store& store, std::string account) {
  auto kept = co_await store.webhook_secrets(account);
  if (kept || kept.error().code != ErrorCode::not_found) co_return kept;
  co_return co_await store.make_webhook_secret(std::move(account), domain::new_webhook_secret());
}

async::Task<Result<domain::WebhookAttempt>> WebhookPost::attempt(std::string account, std::string url, std::string id,
                                                                 std::string body) {
  const auto secrets = co_await obtain_webhook_secrets(store_, std::move(account));
  if (!secrets) co_return std::unexpected(secrets.error());

  domain::WebhookAttempt attempt;
  attempt.at = clock_.now();
  const auto parsed = domain::parse_http_url(url);
  if (!parsed) {
    attempt.error = "not a URL that can be called";
    co_return attempt;
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(attempt.at).time_since_epoch().count();
  ports::HttpRequest request;
  request.method = "POST";
  request.url = parsed->request;
  request.headers = {{"Content-Type", "application/json"},
                     {"webhook-id", id},
                     {"webhook-timestamp", std::to_string(seconds)},
                     {"webhook-signature", domain::webhook_signature(*secrets, id, attempt.at, body)}};
  request.body = std::move(body);
  request.limit = limit_;
  const auto reply = co_await http_.send(std::move(request));
  attempt.took = std::max(clock_.now() - attempt.at, Duration{});
  if (reply) {
    attempt.status = reply->status;
  } else if (reply.error().code == ErrorCode::canceled) {
    co_return std::unexpected(reply.error());
  } else {
    attempt.error = reply.error().message;
  }
  co_return attempt;
}

bool is_delivered(const domain::WebhookAttempt& attempt) { return attempt.status >= 200 && attempt.status < 300; }

TargetOutcome target_outcome(const Result<domain::WebhookAttempt>& attempt) {
  constexpr int kTooManyRequests = 429;
  if (!attempt) return TargetOutcome::unknown;
  const bool unwell = attempt->status == 0 || attempt->status >= 500 || attempt->status == kTooManyRequests;
  return unwell ? TargetOutcome::failed : TargetOutcome::answered;
}

}  // namespace hekto::service
