// SPDX-License-Identifier: Apache-2.0
#include "service/webhook_payload.h"

#include "domain/http_url.h"
#include "json/prediction_json.h"

namespace hekto::service {

std::string webhook_body(const domain::Prediction& p, const domain::LinkSigner& signer) {
  std::string body;
  json::append_prediction(body, p, {p.webhook->origin, p.webhook->mount, &signer});
  return body;
}

std::string webhook_target(std::string_view account, std::string_view url) {
  std::string target(account);
  target += ' ';
  if (const auto parsed = domain::parse_http_url(url)) target += parsed->origin;
  return target;
}

std::string webhook_message_id(std::string_view prediction_id) { return "msg_" + std::string(prediction_id); }

ports::Outbox make_outbox(const domain::LinkSigner& signer) {
  return [&signer](const domain::Prediction& p) -> std::optional<domain::WebhookMessage> {
    if (!p.webhook || !domain::wants(*p.webhook, domain::WebhookEvent::completed)) return std::nullopt;
    domain::WebhookMessage message;
    message.id = webhook_message_id(p.id);
    message.prediction_id = p.id;
    message.account = p.account;
    message.target = webhook_target(p.account, p.webhook->url);
    message.url = p.webhook->url;
    message.body = webhook_body(p, signer);
    message.since = message.due_at = p.completed_at.value_or(p.created_at);
    return message;
  };
}

}  // namespace hekto::service
