// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ports/relay.h"

namespace hekto::test {

class FakePlace final : public ports::RelayPlace {
 public:
  const std::string& upstream() const override { return upstream_; }
  const std::string& account() const override { return account_; }

 private:
  const std::string upstream_ = "replicate";
  const std::string account_ = "main";
};

/// A Relay whose runs are a function of the test's. Any thread.
class FakeRelay final : public ports::Relay {
 public:
  using Run = std::function<async::Task<ports::RelayOutcome>(ports::RelayRequest&, ports::RelaySink&)>;
  explicit FakeRelay(Run run) : run_(std::move(run)) {}

  std::atomic<bool> busy = false;  ///< there is no place

  std::shared_ptr<ports::RelayPlace> try_place(const domain::RelayTarget&, const std::string&) override {
    return busy ? nullptr : std::make_shared<FakePlace>();
  }
  async::Task<ports::RelayOutcome> run(ports::RelayRequest request, ports::RelaySink& sink) override {
    {
      std::scoped_lock lock(mutex_);
      requests_.push_back(request);
      requests_.back().parked.reset();  // its life is the run's
    }
    co_return co_await run_(request, sink);
  }
  async::Task<Result<void>> cancel(std::shared_ptr<const domain::Prediction> ended) override {
    std::scoped_lock lock(mutex_);
    canceled_.push_back(*ended);
    if (!cancel_answers_.empty()) {
      auto answer = cancel_answers_.front();
      cancel_answers_.erase(cancel_answers_.begin());
      co_return answer;
    }
    co_return Result<void>{};
  }

  std::vector<ports::RelayRequest> requests() const {
    std::scoped_lock lock(mutex_);
    return requests_;
  }
  std::vector<domain::Prediction> canceled() const {
    std::scoped_lock lock(mutex_);
    return canceled_;
  }
  /// What the next calls of cancel() answer; after them all is well.
  void answer_cancels(std::vector<Result<void>> answers) {
    std::scoped_lock lock(mutex_);
    cancel_answers_ = std::move(answers);
  }

 private:
  const Run run_;
  mutable std::mutex mutex_;
  std::vector<ports::RelayRequest> requests_;  // guarded by mutex_
  std::vector<domain::Prediction> canceled_;   // guarded by mutex_
  std::vector<Result<void>> cancel_answers_;   // guarded by mutex_
};

}  // namespace hekto::test
