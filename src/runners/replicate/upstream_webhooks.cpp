// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/upstream_webhooks.h"

#include <algorithm>

#include "base/log.h"
#include "domain/webhook.h"
#include "json/value_json.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

/// An answer to a create that comes so long after its webhook is lost.
constexpr Duration kAnswerPatience = 1s;
constexpr Duration kLongestPause = 60s;
constexpr Duration kSecretPatience = 5s;
constexpr std::size_t kMaxSecretReply = 16 << 10;

}  // namespace

std::optional<Snapshot> HookedAttempt::told() const {
  std::scoped_lock lock(mutex_);
  return told_;
}

std::optional<Snapshot> HookedAttempt::followed() {
  std::scoped_lock lock(mutex_);
  followed_ = true;
  return std::exchange(told_, std::nullopt);
}

HookedAttempt::Told HookedAttempt::tell(const Snapshot& snapshot) {
  bool first = false;
  {
    std::scoped_lock lock(mutex_);
    if (followed_) return Told::to_follower;
    first = !told_;
    if (first || !is_older(snapshot, *told_)) told_ = snapshot;
  }
  arrived_.request_stop();
  return first ? Told::first : Told::again;
}

async::Task<bool> HookedAttempt::wait(Duration span, async::StopToken stop) {
  async::StopToken wake;
  const auto ring = [wake]() mutable { wake.request_stop(); };
  const async::StopCallback on_stop(stop, ring);
  const async::StopCallback on_arrival(arrived_, ring);
  co_await wake.sleep_for(span);
  co_return !stop.stop_requested();
}

UpstreamWebhooks::UpstreamWebhooks(AccountPool& pool, UpstreamClient& client, const ports::Clock& clock, Secret key,
                                   FollowerOf follower_of)
    : client_(client), clock_(clock), signer_(std::move(key)), follower_of_(std::move(follower_of)) {
  for (const auto& account : pool.accounts()) {
    const auto& upstream = account->upstream->options;
    if (!upstream.webhook_url.empty()) {
      accounts_.emplace(domain::hook_account(upstream.name, account->options.name), account);
    }
  }
}

std::string UpstreamWebhooks::url(const AccountPtr& account, const std::string& attempt) const {
  const auto& upstream = account->upstream->options;
  if (upstream.webhook_url.empty()) return {};
  {
    // What could not be verified would be refused, and tried again for nothing.
    std::scoped_lock lock(mutex_);
    const auto found = secrets_.find(account.get());
    if (found == secrets_.end() || found->second.current.empty()) return {};
  }
  return upstream.webhook_url + signer_.token({domain::hook_account(upstream.name, account->options.name), attempt});
}

async::Task<void> UpstreamWebhooks::await_secret(AccountPtr account, async::StopToken stop) const {
  if (account->upstream->options.webhook_url.empty()) co_return;
  for (Duration waited{}; waited < kSecretPatience && url(account, std::string(26, '0')).empty(); waited += 100ms) {
    if (!co_await stop.sleep_for(100ms)) co_return;
  }
}

std::shared_ptr<HookedAttempt> UpstreamWebhooks::enter(const std::string& attempt) {
  if (accounts_.empty()) return nullptr;
  std::shared_ptr<HookedAttempt> entered(new HookedAttempt, [this, attempt](HookedAttempt* gone) {
    {
      std::scoped_lock lock(mutex_);
      attempts_.erase(attempt);
    }
    delete gone;
  });
  std::scoped_lock lock(mutex_);
  attempts_[attempt] = entered;
  return entered;
}

std::shared_ptr<HookedAttempt> UpstreamWebhooks::find(const std::string& attempt) {
  std::scoped_lock lock(mutex_);
  const auto found = attempts_.find(attempt);
  return found == attempts_.end() ? nullptr : found->second.lock();
}

bool UpstreamWebhooks::is_signed(const AccountPtr& account, const ports::HookCall& call) const {
  Secret secret;
  {
    std::scoped_lock lock(mutex_);
    const auto found = secrets_.find(account.get());
    if (found == secrets_.end()) return false;
    secret = found->second.current;
  }
  return domain::verify_webhook(secret, {call.id, call.timestamp, call.signature}, call.body, clock_.now());
}

async::Task<bool> UpstreamWebhooks::fetch_secret(AccountPtr account, async::StopToken stop) {
  {
    std::scoped_lock lock(mutex_);
    auto& secrets = secrets_[account.get()];
    if (std::exchange(secrets.asking, true)) co_return false;
    secrets.asked_at = clock_.now();
  }
  const auto reply = co_await client_.get(account, "/v1/webhooks/default/secret", stop, kMaxSecretReply);
  const auto body = reply && reply->status == 200 ? json::parse(reply->body) : Result<domain::Value>(domain::Value());
  std::string key(body ? body->text_of("key") : std::string_view());
  std::scoped_lock lock(mutex_);
  auto& secrets = secrets_[account.get()];
  secrets.asking = false;
  if (key.empty()) {
    if (!stop.stop_requested()) {
      log::warn("the signing secret of an upstream account could not be had; its webhooks are not used meanwhile",
                {{"account", account->upstream->options.name + "/" + account->options.name}});
    }
    co_return false;
  }
  secrets.current = Secret(std::move(key));
  co_return true;
}

async::Task<Result<void>> UpstreamWebhooks::take(ports::HookCall call) {
  const auto target = signer_.verify(call.token);
  const auto found = target ? accounts_.find(target->account) : accounts_.end();
  if (found == accounts_.end()) co_return fail(ErrorCode::not_found, "no such webhook");
  const auto account = found->second;
  ++received_;
  bool good = is_signed(account, call);
  if (!good) {
    // It may have been made anew. However many are refused, the upstream is asked once in a while.
    bool may_ask = false;
    bool known = false;
    {
      std::scoped_lock lock(mutex_);
      const auto& secrets = secrets_[account.get()];
      may_ask = !secrets.asking && clock_.now() - secrets.asked_at >= kSecretAgain;
      known = !secrets.current.empty();
    }
    good = may_ask && co_await fetch_secret(account, stop_) && is_signed(account, call);
    if (!good) {
      ++refused_;
      if (known) co_return fail(ErrorCode::unauthenticated, "The signature of this webhook is not valid.");
      co_return fail(ErrorCode::unavailable, "The signature of this webhook cannot be checked now.");
    }
  }
  ++verified_;
  auto snapshot = parse_snapshot(call.body);
  if (!snapshot) co_return fail(ErrorCode::invalid_input, "This webhook shows no prediction.");
  const auto attempt = find(target->attempt);
  const auto told = attempt ? attempt->tell(*snapshot) : HookedAttempt::Told::to_follower;
  if (told == HookedAttempt::Told::first) {
    const async::Executor executor = co_await boost::asio::this_coro::executor;
    scope_.spawn(executor, cut_later(attempt));
  } else if (told == HookedAttempt::Told::to_follower) {
    follower_of_(account).tell(std::move(*snapshot));
  }
  co_return Result<void>{};
}

async::Task<void> UpstreamWebhooks::cut_later(std::shared_ptr<HookedAttempt> attempt) {
  if (co_await scope_.stop().sleep_for(kAnswerPatience)) attempt->cut_.request_stop();
}

ports::HookStats UpstreamWebhooks::hook_stats() const { return {received_, verified_, refused_}; }

async::Task<void> UpstreamWebhooks::fetch_secrets(async::StopToken stop) {
  const auto missing = [this] {
    std::vector<AccountPtr> without;
    std::scoped_lock lock(mutex_);
    for (const auto& [id, account] : accounts_) {
      if (secrets_[account.get()].current.empty()) without.push_back(account);
    }
    return without;
  };
  Duration pause = 1s;
  for (auto without = missing(); !without.empty() && !stop.stop_requested(); without = missing()) {
    for (const auto& account : without) co_await fetch_secret(account, stop);
    if (missing().empty() || !co_await stop.sleep_for(pause)) break;
    pause = std::min<Duration>(pause * 2, kLongestPause);
  }
}

async::Task<void> UpstreamWebhooks::run(async::StopToken stop) {
  co_await fetch_secrets(stop);
  while (co_await stop.sleep_for(1h)) {
  }
  stop_.request_stop();
  scope_.close();
  async::StopToken patience;
  while (scope_.size() > 0) co_await patience.sleep_for(5ms);
}

}  // namespace hekto::runners::replicate
