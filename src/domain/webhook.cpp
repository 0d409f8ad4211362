// SPDX-License-Identifier: Apache-2.0
#include "domain/webhook.h"

#include <algorithm>
#include <array>

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

void append_signature(std::string& out, const Secret& secret, std::string_view signed_text) {
  std::string_view text = secret.reveal();
  if (!text.starts_with(kSecretPrefix)) return;
  text.remove_prefix(kSecretPrefix.size());
  const auto key = base64_decode(text);
  if (!key || key->empty()) return;
  if (!out.empty()) out += ' ';
  out += "v1,";
  out += base64_encode(hmac_sha256(*key, signed_text));
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
  std::string text(id);
  text += '.';
  text += std::to_string(seconds);
  text += '.';
  text += body;
  std::string out;
  append_signature(out, secrets.current, text);
  if (secrets.previous_until && now < *secrets.previous_until) append_signature(out, secrets.previous, text);
  return out;
}

}  // namespace hekto::domain
