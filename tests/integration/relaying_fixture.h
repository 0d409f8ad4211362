// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "service/relayer.h"
#include "tests/integration/service_fixture.h"
#include "tests/support/fake_relay.h"

namespace hekto::test {

/// The use cases around predictions that are relayed, before a FakeRelay.
class RelayingFixture : public ServiceFixture {
 protected:
  ~RelayingFixture() override {
    if (relayer) relayer->stop_blocking(Duration{}, {});
  }

  void start_relay(FakeRelay::Run run_of_test, service::RelayerOptions options = {}) {
    start({});
    relay = std::make_unique<FakeRelay>(std::move(run_of_test));
    relayer = std::make_unique<service::Relayer>(
        io, store, files, clock, *relay, [this](domain::Prediction p) { return dispatcher->publish(std::move(p)); },
        [this](std::string_view id) { recent.erase(id); }, options);
    predictions = std::make_unique<service::Predictions>(store, bus, clock, *dispatcher, recent, limits, relayer.get());
  }

  service::CreatePrediction relayed(std::string prompt = "a red fox") {
    auto create = request();
    create.input = domain::Value::Object{{"prompt", std::move(prompt)}};
    create.offer.relayed = true;
    create.relay = domain::RelayTarget{domain::RelayTarget::Kind::model, "black-forest-labs/flux-schnell"};
    create.place = predictions->try_place(alice, *create.relay);
    return create;
  }
  service::Created relay_one() { return run(predictions->create(alice, relayed())).value(); }
  std::size_t listed() {
    ports::PredictionQuery query;
    query.account = "alice";
    return run(store.list_predictions(query))->items.size();
  }

  /// Waits until `holds`.
  void eventually(const std::function<bool()>& holds) {
    const async::StopToken tick;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "waited in vain";
      run(tick.sleep_for(std::chrono::milliseconds(1)));
    }
  }

  std::unique_ptr<FakeRelay> relay;
  std::unique_ptr<service::Relayer> relayer;
};

}  // namespace hekto::test
