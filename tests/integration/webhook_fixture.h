// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "json/value_json.h"
#include "service/webhook_payload.h"
#include "service/webhook_sender.h"
#include "service/webhooks.h"
#include "tests/integration/service_fixture.h"
#include "tests/support/fake_http_client.h"

namespace hekto::test {

/// The use cases with a sender of webhooks, on a fake world.
class WebhookFixture : public ServiceFixture {
 protected:
  WebhookFixture() { memory.set_outbox(service::make_outbox(signer)); }
  ~WebhookFixture() override {
    if (dispatcher) dispatcher->stop_blocking(Duration{});
    stop_sender();
  }

  void start_sender(service::WebhookOptions options = {}) {
    http = std::make_unique<FakeHttpClient>();
    sender = std::make_unique<service::WebhookSender>(io, store, *http, clock, signer, options);
  }
  void stop_sender() {
    if (sender) sender->stop_blocking(Duration{}, [this] { http->cut_off(); });
  }
  /// The whole: predictions that play `script`, and a sender that works.
  void start_all(FakeRunner::Script script, service::WebhookOptions options = {}) {
    start_sender(options);
    service::DispatchOptions dispatch;
    dispatch.on_change = [this](const service::SnapshotPtr& s) { sender->observe(s); };
    start(std::move(script), dispatch);
    sender->start();
  }

  service::SnapshotPtr create_told(const std::string& url, std::vector<domain::WebhookEvent> filter = {},
                                   std::optional<Duration> cancel_after = {}) {
    auto create = request(cancel_after);
    create.webhook = domain::Webhook{url, std::move(filter), "https://hekto.example", "/replicate/v1"};
    auto created = make(alice, std::move(create));
    EXPECT_TRUE(created);
    return *created;
  }
  /// Messages in the outbox without any run: predictions that are ended where they stand.
  std::string make_message(const std::string& url) {
    domain::Prediction p;
    p.created_at = clock.now();
    p.id = new_id(p.created_at);
    p.input = "{}";
    p.account = "alice";
    p.webhook = domain::Webhook{url, {}, "https://hekto.example", "/v1"};
    EXPECT_TRUE(run(memory.create_prediction(p)));
    EXPECT_TRUE(run(memory.end(p.id, domain::Canceled{}, clock.now())));
    return service::webhook_message_id(p.id);
  }

  /// Blocks until `condition` holds; fails after half a minute.
  template <class Condition>
  void until(const char* what, Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << what;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void advance(Duration span) {
    clock.advance(span);
    sender->wake();
  }
  ports::WebhookRecord record_of(const std::string& id) {
    for (auto& record : *run(memory.list_webhooks({.account = {}, .undelivered_only = false, .limit = 10'000}))) {
      if (record.message.id == id) return record;
    }
    return {};
  }
  domain::MessageState state_of(const std::string& id) { return run(memory.find_webhook(id))->state; }
  void until_delivered(const std::string& id) {
    until("the message is delivered", [&] { return state_of(id) == domain::MessageState::delivered; });
  }
  std::size_t attempts_of(const std::string& id) { return record_of(id).attempts.size(); }

  static std::string header(const ports::HttpRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
      if (key == name) return value;
    }
    return {};
  }
  static std::string status_in(const ports::HttpRequest& request) {
    return std::string(json::parse(request.body)->text_of("status"));
  }
  static std::string logs_in(const ports::HttpRequest& request) {
    return std::string(json::parse(request.body)->text_of("logs"));
  }

  domain::LinkSigner signer{Secret("a link key")};
  std::unique_ptr<FakeHttpClient> http;
  std::unique_ptr<service::WebhookSender> sender;
};

}  // namespace hekto::test
