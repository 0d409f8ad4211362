// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "domain/webhook.h"
#include "ports/clock.h"
#include "ports/http_client.h"
#include "ports/store.h"
#include "service/webhook_targets.h"

namespace hekto::service {

/// One exchange with a receiver: signed anew with the account's secrets and the time of the attempt.
class WebhookPost {
 public:
  WebhookPost(ports::Store& store, ports::HttpClient& http, const ports::Clock& clock, Duration limit)
      : store_(store), http_(http), clock_(clock), limit_(limit) {}

  /// How it went. An error means that nothing was tried, or that the server stops: canceled, or the store's.
  async::Task<Result<domain::WebhookAttempt>> attempt(std::string account, std::string url, std::string id,
                                                      std::string body);

 private:
  ports::Store& store_;
  ports::HttpClient& http_;
  const ports::Clock& clock_;
  const Duration limit_;
};

/// The account's secrets, made at the first time that they are asked for.
async::Task<Result<domain::WebhookSecrets>> obtain_webhook_secrets(ports::Store& store, std::string account);

/// The receiver took it.
bool is_delivered(const domain::WebhookAttempt& attempt);
/// What an attempt says about the target: an answer that blames the request, such as 404, comes from one that is well.
TargetOutcome target_outcome(const Result<domain::WebhookAttempt>& attempt);

}  // namespace hekto::service
