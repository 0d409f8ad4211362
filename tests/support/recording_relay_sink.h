// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/recording_file.h"

namespace hekto::test {

/// Keeps, in order, what a relayed run tells its service. Each call can be refused. Any thread may read.
class RecordingRelaySink final : public ports::RelaySink {
 public:
  /// Called with the words of each call ("submitting up/main", "submitted r1", "dropped", "waiting", …) before it is
  /// answered; an error is the answer. Set before the run.
  std::function<std::optional<ErrorCode>(const std::string&)> on_call;

  /// The words of all calls so far.
  std::vector<std::string> calls() const {
    std::scoped_lock lock(mutex_);
    return calls_;
  }
  std::vector<domain::Submitting> intents() const {
    std::scoped_lock lock(mutex_);
    return intents_;
  }
  std::vector<domain::Submitted> accepted() const {
    std::scoped_lock lock(mutex_);
    return accepted_;
  }

  async::Task<Result<void>> submitting(domain::Submitting intent) override {
    auto words = "submitting " + intent.upstream + "/" + intent.account;
    {
      std::scoped_lock lock(mutex_);
      intents_.push_back(std::move(intent));
    }
    co_return call(std::move(words));
  }
  async::Task<Result<void>> submitted(domain::Submitted accepted) override {
    auto words = "submitted " + accepted.remote_id;
    {
      std::scoped_lock lock(mutex_);
      accepted_.push_back(std::move(accepted));
    }
    co_return call(std::move(words));
  }
  async::Task<Result<void>> dropped(std::string) override { co_return call("dropped"); }
  async::Task<Result<void>> started() override { co_return call("started"); }
  async::Task<Result<void>> started_at(std::optional<Time>) override { co_return call("started"); }
  void waiting() override { (void)call("waiting"); }
  async::Task<Result<void>> log(std::string text) override { co_return call("log " + text); }
  async::Task<Result<void>> output_json(std::size_t, bool, std::string json) override {
    co_return call("output " + json);
  }
  async::Task<Result<void>> output_file(std::size_t, bool, ports::ProducedFile file) override {
    co_return call("file " + file.name);
  }
  std::shared_ptr<ports::ArrivingFile> receive() override { return std::make_shared<RecordingFile>(); }
  async::Task<Result<void>> output_arriving(std::size_t, bool, std::string, std::vector<ports::Arriving>) override {
    co_return Result<void>{};
  }
  async::Task<Result<void>> output_stored(std::size_t, bool, std::string json,
                                          std::vector<domain::OutputFile>) override {
    co_return call("stored " + json);
  }

 private:
  Result<void> call(std::string words) {
    {
      std::scoped_lock lock(mutex_);
      calls_.push_back(words);
    }
    if (on_call) {
      if (const auto code = on_call(words)) return fail(*code, "refused on purpose");
    }
    return {};
  }

  mutable std::mutex mutex_;
  std::vector<std::string> calls_;           // guarded by mutex_
  std::vector<domain::Submitting> intents_;  // guarded by mutex_
  std::vector<domain::Submitted> accepted_;  // guarded by mutex_
};

}  // namespace hekto::test
