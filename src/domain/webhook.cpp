// SPDX-License-Identifier: Apache-2.0
#include "domain/webhook.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/random.h"

namespace hekto::domain {
namespace {

constexpr std::array<std::string_view, 4> kEventNames = {"start", "output", "logs", "completed"};
constexpr std::array<std::string_view, 3> kStateNames = {"pending", "delivered", "dead"};
constexpr std::string_view kSecretPrefix = "whsec_";
/// A multiple of three, so that the base64 needs no padding: not every client's decoder agrees on it.
constexpr std::size_t kSecretBytes = 24;

constexpr std::string_view kVersion = "v1,";
constexpr std::size_t kMaxWebhookId = 256;

/// Empty when the secret is malformed.
std::string signature_of(const Secret& secret, std::string_view signed_text) {
  std::string_view text = secret.reveal();
  if (!text.starts_with(kSecretPrefix)) return {};
  text.remove_prefix(kSecretPrefix.size());
  const auto key = base64_decode(text);
  if (!key || key->empty()) return {};
  return base64_encode(hmac_sha256(*key, signed_text));
}

void append_signature(std::string& out, const Secret& secret, std::string_view signed_text) {
  const auto signature = signature_of(secret, signed_text);
  if (signature.empty()) return;
  if (!out.empty()) out += ' ';
  out.append(kVersion).append(signature);
}

std::string signed_text(std::string_view id, std::string_view timestamp, std::string_view body) {
  std::string text;
  text.reserve(id.size() + timestamp.size() + body.size() + 2);
  text.append(id).append(".").append(timestamp).append(".").append(body);
  return text;
}

}  // namespace

std::string_view to_string(WebhookEvent event) { return kEventNames[static_cast<std::size_t>(event)]; }

std::optional<WebhookEvent> parse_webhook_event(std::string_view text) {
  const auto found = std::ranges::find(kEventNames, text);
  if (found == kEventNames.end()) return std::nullopt;
  return static_cast<WebhookEvent>(found - kEventNames.begin());
}

bool wants(const Webhook& webhook, WebhookEvent event) {
  if (webhook.filter.empty()) return event == WebhookEvent::output || event == WebhookEvent::completed;
  return std::ranges::find(webhook.filter, event) != webhook.filter.end();
}

std::string_view to_string(MessageState state) { return kStateNames[static_cast<std::size_t>(state)]; }

Secret new_webhook_secret() {
  return Secret(std::string(kSecretPrefix) + base64_encode(random_string_bytes(kSecretBytes)));
}

std::string webhook_signature(const WebhookSecrets& secrets, std::string_view id, Time now, std::string_view body) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const auto text = signed_text(id, std::to_string(seconds), body);
  std::string out;
  append_signature(out, secrets.current, text);
  if (secrets.previous_until && now < *secrets.previous_until) append_signature(out, secrets.previous, text);
  return out;
}

bool verify_webhook(const Secret& secret, const WebhookHeaders& headers, std::string_view body, Time now) {
  if (headers.id.empty() || headers.id.size() > kMaxWebhookId) return false;
  std::int64_t seconds = 0;
  const auto* const end = headers.timestamp.data() + headers.timestamp.size();
  const auto [read_to, error] = std::from_chars(headers.timestamp.data(), end, seconds);
  // Beyond this a number of microseconds would overflow.
  if (error != std::errc() || read_to != end || seconds < 0 || seconds > 100'000'000'000) return false;
  const Time at{std::chrono::seconds(seconds)};
  if (at > now + kWebhookTolerance || at < now - kWebhookTolerance) return false;
  const auto expected = signature_of(secret, signed_text(headers.id, headers.timestamp, body));
  if (expected.empty()) return false;
  bool good = false;
  auto list = headers.signature;
  for (std::size_t i = 0; i < kMaxWebhookSignatures && !list.empty(); ++i) {
    const auto space = std::min(list.find(' '), list.size());
    auto entry = list.substr(0, space);
    list.remove_prefix(std::min(space + 1, list.size()));
    if (!entry.starts_with(kVersion)) continue;
    entry.remove_prefix(kVersion.size());
    // All are compared, whichever is the good one.
    good = constant_time_equal(entry, expected) || good;
  }
  return good;
}

}  // namespace hekto::domain
