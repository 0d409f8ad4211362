// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "ports/runner.h"

namespace hekto::test {

/// Wraps a runner and breaks its next runs on order; without an order it changes nothing. Any thread.
class FaultyRunner final : public ports::Runner {
 public:
  struct Fault {
    std::size_t at_call = 1;  ///< the run ends in place of its nth call of the sink, counted from 1
    ports::RunOutcome outcome = ports::RunInterrupted{};
    std::size_t runs = 1;  ///< how many runs have it
  };

  explicit FaultyRunner(ports::Runner& inner) : inner_(inner) {}

  void inject(Fault fault) {
    std::scoped_lock lock(mutex_);
    fault_ = std::move(fault);
  }

  std::string_view name() const override { return inner_.name(); }
  bool idempotent() const override { return inner_.idempotent(); }
  bool takes_urls() const override { return inner_.takes_urls(); }

  async::Task<ports::RunOutcome> run(ports::RunRequest request, ports::RunSink& sink) override {
    const auto fault = take();
    if (!fault) co_return co_await inner_.run(std::move(request), sink);
    BreakingSink breaking(sink, fault->at_call);
    auto outcome = co_await inner_.run(std::move(request), breaking);
    if (breaking.broke()) co_return fault->outcome;
    co_return outcome;
  }

 private:
  /// Passes calls on until the one that breaks; from there on the wrapped runner is refused.
  class BreakingSink final : public ports::RunSink {
   public:
    BreakingSink(ports::RunSink& sink, std::size_t at_call) : sink_(sink), left_(at_call) {}
    bool broke() const { return broke_; }

    async::Task<Result<void>> started() override {
      if (breaks()) co_return refusal();
      co_return co_await sink_.started();
    }
    async::Task<Result<void>> log(std::string text) override {
      if (breaks()) co_return refusal();
      co_return co_await sink_.log(std::move(text));
    }
    async::Task<Result<void>> output_json(std::size_t index, bool list, std::string json) override {
      if (breaks()) co_return refusal();
      co_return co_await sink_.output_json(index, list, std::move(json));
    }
    async::Task<Result<void>> output_file(std::size_t index, bool list, ports::ProducedFile file) override {
      if (breaks()) co_return refusal();
      co_return co_await sink_.output_file(index, list, std::move(file));
    }

   private:
    bool breaks() {
      if (left_ > 0) --left_;
      broke_ = broke_ || left_ == 0;
      return broke_;
    }
    static Result<void> refusal() { return fail(ErrorCode::canceled, "a fault was injected"); }

    ports::RunSink& sink_;
    std::size_t left_;
    bool broke_ = false;
  };

  std::optional<Fault> take() {
    std::scoped_lock lock(mutex_);
    if (!fault_ || fault_->runs == 0) return std::nullopt;
    --fault_->runs;
    return fault_;
  }

  ports::Runner& inner_;
  std::mutex mutex_;
  std::optional<Fault> fault_;  // guarded by mutex_
};

}  // namespace hekto::test
