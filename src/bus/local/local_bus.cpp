// SPDX-License-Identifier: Apache-2.0
#include "bus/local/local_bus.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

namespace hekto::bus {
namespace {

using Steady = std::chrono::steady_clock;
using Timer = boost::asio::basic_waitable_timer<Steady, boost::asio::wait_traits<Steady>, async::Executor>;

/// Keeps now + limit within what the clock can count.
constexpr Duration kLongestWait = std::chrono::hours(24 * 365);

}  // namespace

/// Where hints for one subscription arrive. The timer belongs to the subscriber's thread; a publisher only posts.
/// References are held by the subscription, by the map, and by what was posted to the subscriber's own executor: none
/// by a publisher beyond the shard's lock, so that the timer never dies on a foreign thread.
struct LocalBus::Mailbox {
  explicit Mailbox(async::Executor e) : executor(e), timer(e) {}
  const async::Executor executor;
  Timer timer;
  std::atomic<bool> hinted{false};
};

class LocalBus::Local final : public ports::EventBus::Subscription {
 public:
  Local(LocalBus& bus, std::string id, std::shared_ptr<Mailbox> mailbox)
      : bus_(bus), id_(std::move(id)), mailbox_(std::move(mailbox)) {}
  ~Local() override { bus_.unsubscribe(id_, mailbox_); }

  async::Task<bool> wait(Duration limit) override {
    const auto mailbox = mailbox_;
    const auto deadline = Steady::now() + std::clamp(limit, Duration(0), kLongestWait);
    // In a loop: what woke it may belong to a hint that an earlier wait took already.
    while (!mailbox->hinted.exchange(false)) {
      if (Steady::now() >= deadline) co_return false;
      mailbox->timer.expires_at(deadline);
      boost::system::error_code canceled;
      co_await mailbox->timer.async_wait(boost::asio::redirect_error(async::use_task, canceled));
    }
    co_return true;
  }

 private:
  LocalBus& bus_;
  const std::string id_;
  const std::shared_ptr<Mailbox> mailbox_;
};

LocalBus::LocalBus() = default;
LocalBus::~LocalBus() { assert(subscriptions() == 0 && "a subscription outlives its bus"); }

LocalBus::Shard& LocalBus::shard_of(std::string_view id) { return shards_[StringHash{}(id) % shards_.size()]; }

void LocalBus::publish(std::string_view prediction_id) {
  auto& shard = shard_of(prediction_id);
  std::scoped_lock lock(shard.mutex);
  const auto found = shard.mailboxes.find(prediction_id);
  if (found == shard.mailboxes.end()) return;
  for (const auto& mailbox : found->second) {
    // A hint that was not taken yet has its wake-up on the way, or its subscriber is not waiting.
    if (mailbox->hinted.exchange(true)) continue;
    boost::asio::post(mailbox->executor, [mailbox] { mailbox->timer.cancel(); });
  }
}

std::unique_ptr<ports::EventBus::Subscription> LocalBus::subscribe(std::string_view prediction_id,
                                                                   async::Executor executor) {
  auto mailbox = std::make_shared<Mailbox>(executor);
  std::string id(prediction_id);
  auto& shard = shard_of(id);
  {
    std::scoped_lock lock(shard.mutex);
    shard.mailboxes[id].push_back(mailbox);
  }
  return std::make_unique<Local>(*this, std::move(id), std::move(mailbox));
}

void LocalBus::unsubscribe(const std::string& id, const std::shared_ptr<Mailbox>& mailbox) {
  auto& shard = shard_of(id);
  std::scoped_lock lock(shard.mutex);
  const auto found = shard.mailboxes.find(id);
  std::erase(found->second, mailbox);
  if (found->second.empty()) shard.mailboxes.erase(found);
}

std::size_t LocalBus::subscriptions() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) {
    std::scoped_lock lock(shard.mutex);
    for (const auto& [id, mailboxes] : shard.mailboxes) count += mailboxes.size();
  }
  return count;
}

}  // namespace hekto::bus
