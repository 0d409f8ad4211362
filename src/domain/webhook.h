// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time.h"

namespace hekto::domain {

/// What a webhook may be called for.
enum class WebhookEvent : std::uint8_t { start, output, logs, completed };

std::string_view to_string(WebhookEvent event);
std::optional<WebhookEvent> parse_webhook_event(std::string_view text);

/// Whom to tell about a prediction, and what of.
struct Webhook {
  std::string url;                   ///< as asked for; satisfies parse_http_url
  std::vector<WebhookEvent> filter;  ///< as asked for, without repeats; empty: nothing was asked for
  std::string origin;                ///< with `mount`: what the URLs in its payload start with
  std::string mount;
  friend bool operator==(const Webhook&, const Webhook&) = default;
};

/// Whether the webhook is called for `event`. Without a filter: for output and completed.
bool wants(const Webhook& webhook, WebhookEvent event);

enum class MessageState : std::uint8_t {
  pending,    ///< an attempt is due, now or later
  delivered,  ///< the target took it
  dead,       ///< given up; may be sent again by hand
};
std::string_view to_string(MessageState state);

/// One message of the outbox: the end of a prediction, told to its webhook until it was taken.
struct WebhookMessage {
  std::string id;             ///< the webhook-id header, the same at every attempt
  std::string prediction_id;  ///< one message a prediction
  std::string account;
  std::string target;  ///< whose slots and failures it shares: account and origin of the URL
  std::string url;
  std::string body;  ///< sent and signed byte for byte; empty once delivered
  MessageState state = MessageState::pending;
  int attempts = 0;  ///< since `since`
  Time since{};      ///< when it was written, or asked for again: what the schedule counts from
  Time due_at{};     ///< of the next attempt, while pending
  std::optional<Time> settled_at;
  friend bool operator==(const WebhookMessage&, const WebhookMessage&) = default;
};

/// One line of a message's log.
struct WebhookAttempt {
  Time at{};
  Duration took{};
  int status = 0;     ///< of the answer; 0: there was none
  std::string error;  ///< why there was none, or why none was tried; no secret, no part of a body
  friend bool operator==(const WebhookAttempt&, const WebhookAttempt&) = default;
};

/// What an account's webhooks are signed with: "whsec_…".
struct WebhookSecrets {
  Secret current;
  Secret previous;                     ///< signs too until previous_until; empty when there is none
  std::optional<Time> previous_until;  ///< set exactly when there is a previous one
};

/// A fresh secret of 24 random bytes: "whsec_" and 32 characters of base64, which every official client reads.
Secret new_webhook_secret();

/// The webhook-signature header: "v1,<base64 of HMAC-SHA256>" over "<id>.<seconds>.<body>", for each secret that is
/// valid at `now`, separated by spaces. Entries whose secret is malformed are left out.
std::string webhook_signature(const WebhookSecrets& secrets, std::string_view id, Time now, std::string_view body);

/// The headers of a webhook that somebody else has signed in this way.
struct WebhookHeaders {
  std::string_view id;
  std::string_view timestamp;
  std::string_view signature;
};
/// How far the sender's clock may be from ours, and how old a webhook may be.
inline constexpr Duration kWebhookTolerance = std::chrono::minutes(5);
/// At most so many signatures of one webhook are looked at.
inline constexpr std::size_t kMaxWebhookSignatures = 16;

/// Whether one of the webhook's signatures is that of `secret` over its id, time and body, and its time is within
/// kWebhookTolerance of `now`. False for a secret or headers that are malformed.
bool verify_webhook(const Secret& secret, const WebhookHeaders& headers, std::string_view body, Time now);

}  // namespace hekto::domain
