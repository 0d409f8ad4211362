// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ports/runner.h"

namespace hekto::test {

/// A Runner that plays scripts. Any thread.
class FakeRunner final : public ports::Runner {
 public:
  struct Log {
    std::string text;
  };
  struct Json {  ///< the next output item, or the value when the script is no list
    std::string json;
  };
  struct File {
    ports::ProducedFile file;
  };
  /// Stays here until the request is stopped, or until `released` is, when the script goes on.
  struct Hold {
    async::StopToken released;
  };
  using Step = std::variant<Log, Json, File, Hold>;

  struct Script {
    std::vector<Step> steps;
    bool list = true;
    ports::RunOutcome outcome = ports::RunSucceeded{};
  };

  explicit FakeRunner(Script script, bool idempotent = true) : scripts_{std::move(script)}, idempotent_(idempotent) {}

  /// Played by the run after those that have a script; the last one is played by all later runs.
  void then(Script script) {
    std::scoped_lock lock(mutex_);
    scripts_.push_back(std::move(script));
  }
  /// Every request so far, in order of arrival.
  std::vector<ports::RunRequest> requests() const {
    std::scoped_lock lock(mutex_);
    return requests_;
  }

  std::string_view name() const override { return "fake"; }
  bool takes_urls() const override { return wants_urls; }
  std::atomic<bool> wants_urls = false;
  bool idempotent() const override { return idempotent_; }

  async::Task<ports::RunOutcome> run(ports::RunRequest request, ports::RunSink& sink) override {
    const Script script = take(request);
    if (request.stop.stop_requested()) co_return ports::RunInterrupted{};
    if (!co_await sink.started()) co_return ports::RunInterrupted{};
    std::size_t index = 0;
    for (const Step& step : script.steps) {
      if (request.stop.stop_requested()) co_return ports::RunInterrupted{};
      Result<void> taken;
      if (const auto* log = std::get_if<Log>(&step)) {
        taken = co_await sink.log(log->text);
      } else if (const auto* json = std::get_if<Json>(&step)) {
        if (const auto i = index++; i >= request.items_done) {
          taken = co_await sink.output_json(i, script.list, json->json);
        }
      } else if (const auto* file = std::get_if<File>(&step)) {
        if (const auto i = index++; i >= request.items_done) {
          taken = co_await sink.output_file(i, script.list, file->file);
        }
      } else if (const auto* hold = std::get_if<Hold>(&step)) {
        while (!hold->released.stop_requested()) {
          if (!co_await request.stop.sleep_for(std::chrono::milliseconds(1))) co_return ports::RunInterrupted{};
        }
      }
      if (!taken) co_return ports::RunInterrupted{};
    }
    co_return script.outcome;
  }

 private:
  Script take(const ports::RunRequest& request) {
    std::scoped_lock lock(mutex_);
    const std::size_t run = requests_.size();
    requests_.push_back(request);
    return scripts_[run < scripts_.size() ? run : scripts_.size() - 1];
  }

  mutable std::mutex mutex_;
  std::vector<Script> scripts_;              // guarded by mutex_
  std::vector<ports::RunRequest> requests_;  // guarded by mutex_
  const bool idempotent_;
};

}  // namespace hekto::test
