// SPDX-License-Identifier: Apache-2.0
#include "service/owed_cancels.h"

#include <algorithm>

#include "base/log.h"

namespace hekto::service {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBatch = 1'000;
constexpr Duration kLongestPause = 5min;
/// Without being woken.
constexpr Duration kLookAgain = 1s;

}  // namespace

void OwedCancels::start() { scope_.spawn(io_.next(), run()); }

void OwedCancels::wake() {
  async::StopToken nap;
  {
    std::scoped_lock lock(mutex_);
    nap = nap_;
  }
  nap.request_stop();
}

void OwedCancels::stop_blocking() {
  stop_.request_stop();
  wake();
  scope_.close();
  scope_.wait_blocking(30s);
}

async::Task<void> OwedCancels::run() {
  while (!stop_.stop_requested()) {
    async::StopToken nap;
    {
      std::scoped_lock lock(mutex_);
      nap_ = nap;
    }
    co_await look();
    // What was asked for while we looked has ended this nap already.
    if (!stop_.stop_requested()) co_await nap.sleep_for(kLookAgain);
  }
}

async::Task<void> OwedCancels::look() {
  auto owed = co_await store_.owed_cancels(kBatch);
  if (!owed) co_return;
  std::erase_if(again_, [&](const auto& entry) { return std::ranges::find(*owed, entry.first) == owed->end(); });
  for (auto& id : *owed) {
    if (stop_.stop_requested()) co_return;
    const auto again = again_.find(id);
    if (again == again_.end() || again->second.at <= clock_.now()) co_await tell(std::move(id));
  }
}

async::Task<void> OwedCancels::tell(std::string id) {
  auto found = co_await store_.find_prediction(id);
  if (!found || !found->submission) co_return;
  const auto submission = *found->submission;
  const auto now = clock_.now();
  if (submission.remote_id.empty() && now - submission.at < kUnderWay) co_return;
  const bool late = now - found->completed_at.value_or(submission.at) > kGiveUp;
  auto told = co_await relay_.cancel(std::make_shared<const domain::Prediction>(std::move(*found)));
  if (!told && !late) {
    auto& again = again_[id];
    again.pause = std::clamp<Duration>(again.pause * 2, 1s, kLongestPause);
    again.at = now + again.pause;
    co_return;
  }
  if (!told) {
    log::error("an upstream could not be told of a cancel for a day; nobody tries any more",
               {{"prediction", id}, {"error", told.error().message}});
  }
  (void)co_await store_.note_submission(id, domain::CancelRelayed{submission.attempt}, clock_.now());
}

}  // namespace hekto::service
