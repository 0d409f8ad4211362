// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "async/io_threads.h"
#include "async/run_blocking.h"
#include "base/ids.h"
#include "bus/local/local_bus.h"
#include "service/dispatcher.h"
#include "service/predictions.h"
#include "tests/support/fake_runner.h"
#include "tests/support/faulty_file_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_file_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/sample_models.h"

namespace hekto::test {

/// The use cases on fakes: everything real but the store, the files, the runner and the time.
class ServiceFixture : public testing::Test {
 protected:
  ServiceFixture() {
    catalog.add(flux_model());
    io.start();
  }
  ~ServiceFixture() override {
    if (dispatcher) dispatcher->stop_blocking(Duration{});
  }

  void start(FakeRunner::Script script, service::DispatchOptions options = {}) {
    runner = std::make_unique<FakeRunner>(std::move(script));
    dispatcher =
        std::make_unique<service::Dispatcher>(io, store, files, bus, clock, versions, *runner, recent, options);
    predictions = std::make_unique<service::Predictions>(store, bus, clock, *dispatcher, recent, limits);
  }

  template <class T>
  T run(async::Task<T> task) {
    return async::run_blocking(io.next(), std::move(task));
  }

  service::KeyEntry caller(const std::string& account) {
    domain::Key key;
    key.id = "k123456789";
    key.account = account;
    return {key, account, {}, clock.now()};
  }

  service::CreatePrediction request(std::optional<Duration> cancel_after = {}) const {
    service::CreatePrediction create;
    create.offer = domain::Catalog::offer(catalog.find("black-forest-labs", "flux-schnell"), nullptr);
    create.input = domain::Value::Object{{"prompt", "a red fox"}};
    create.cancel_after = cancel_after;
    return create;
  }

  Result<service::SnapshotPtr> create(std::optional<Duration> cancel_after = {}) {
    return make(alice, request(cancel_after));
  }
  Result<service::SnapshotPtr> make(const service::KeyEntry& by, service::CreatePrediction request) {
    auto created = run(predictions->create(by, std::move(request)));
    if (!created) return std::unexpected(created.error());
    return created->snapshot;
  }
  /// The prediction once it is terminal.
  domain::Prediction ended(const service::SnapshotPtr& from) {
    const auto end = run(predictions->wait(from, std::chrono::seconds(30)));
    EXPECT_TRUE(end);
    EXPECT_TRUE(domain::is_terminal((*end)->value.status));
    return (*end)->value;
  }
  /// Blocks until the runner has seen `count` requests.
  void await_runs(std::size_t count) {
    async::StopToken tick;
    while (runner->requests().size() < count) run(tick.sleep_for(std::chrono::milliseconds(1)));
  }

  ManualClock clock;
  async::IoThreads io{2};
  MemoryStore memory;
  FaultyStore store{memory};
  MemoryFileStore memory_files;
  FaultyFileStore files{memory_files};
  bus::LocalBus bus;
  domain::Catalog catalog;
  service::Versions versions{store, catalog};
  service::Recent recent;
  service::PredictionLimits limits;
  service::KeyEntry alice{caller("alice")};
  std::unique_ptr<FakeRunner> runner;
  std::unique_ptr<service::Dispatcher> dispatcher;
  std::unique_ptr<service::Predictions> predictions;
};

}  // namespace hekto::test
