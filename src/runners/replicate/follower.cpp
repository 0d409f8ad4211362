// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/follower.h"

#include <algorithm>
#include <tuple>

#include "runners/replicate/followed.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

/// Between the end of a prediction and the arrival of its webhook.
constexpr Duration kWebhookPatience = 5s;

/// As of two states; that it is gone is the last word.
bool is_older(const News& late, const News& kept) {
  const auto* a = std::get_if<Snapshot>(&late);
  const auto* b = std::get_if<Snapshot>(&kept);
  return a != nullptr && b != nullptr ? is_older(*a, *b) : b == nullptr;
}

}  // namespace

Follower::Follower(AccountPool& pool, AccountPtr account, UpstreamClient& client, const ports::Clock& clock)
    : pool_(pool), account_(std::move(account)), client_(client), clock_(clock) {}

void Follower::schedule(const FollowedPtr& followed, Time at, bool urgent) {
  unschedule(followed);
  if (followed->left || followed->over) return;
  followed->urgent = urgent;
  followed->place = (urgent ? urgent_ : routine_).emplace(at, followed);
}

void Follower::unschedule(const FollowedPtr& followed) {
  if (followed->place) (followed->urgent ? urgent_ : routine_).erase(*std::exchange(followed->place, std::nullopt));
}

bool Follower::is_told(const Followed& followed, Time now) const {
  return followed.told || (followed.hooked && proved_at_ && now - *proved_at_ <= kProofLasts);
}

void Follower::schedule_next(const FollowedPtr& followed, Time now) {
  if (is_told(*followed, now)) {
    const auto at = std::max(now + RunTimes::kShortest, followed->until);
    schedule(followed, std::min<Time>(at, now + account_->upstream->options.safety_poll), false);
    return;
  }
  if (followed->relaxed) {
    schedule(followed, now + RunTimes::kLongest, false);
    return;
  }
  const auto since = [&](Time upstream_time) {
    return std::max(Duration{}, now - upstream_time - skew_.value_or(Duration{}));
  };
  const auto age = followed->created_at ? since(*followed->created_at) : now - followed->since;
  const auto look = times_.next(followed->model, age,
                                followed->started_at ? std::optional(since(*followed->started_at)) : std::nullopt);
  schedule(followed, now + look.wait, look.near);
}

void Follower::set_created(const FollowedPtr& followed, std::optional<Time> created_at) {
  if (followed->by_age) by_age_.erase(*std::exchange(followed->by_age, std::nullopt));
  if (created_at) followed->created_at = created_at;
  if (created_at && !followed->training && !followed->over) followed->by_age = by_age_.emplace(*created_at, followed);
}

Follower::FollowedPtr Follower::follow(std::string remote_id, bool training, std::string model,
                                       std::optional<Time> created_at, bool fresh, bool hooked, Time until) {
  auto followed = std::make_shared<Followed>(std::move(remote_id), training, std::move(model), hooked, until);
  std::scoped_lock lock(mutex_);
  const auto now = clock_.now();
  followed->since = now;
  all_[followed->remote_id] = followed;
  set_created(followed, created_at);
  if (!fresh || !created_at) {
    // Of those taken up after a restart nothing is known: they are looked at first.
    schedule(followed, now, false);
    return followed;
  }
  // It was created a moment ago, by either clock: the least difference is the truest. It may drift.
  const Duration ahead = now - *created_at;
  skew_ = !skew_ || ahead < *skew_ ? ahead : *skew_ + (ahead - *skew_) / 64;
  schedule_next(followed, now);
  return followed;
}

void Follower::leave(const FollowedPtr& followed, std::optional<Duration> took) {
  std::scoped_lock lock(mutex_);
  const bool learnt = std::exchange(followed->over, true);
  followed->left = true;
  unschedule(followed);
  set_created(followed, std::nullopt);
  if (const auto it = all_.find(followed->remote_id); it != all_.end() && it->second == followed) all_.erase(it);
  if (took && !learnt) times_.learn(followed->model, *took, std::nullopt);
}

async::Task<Result<News>> Follower::next(FollowedPtr followed, async::StopToken stop) {
  const async::StopCallback on_stop(stop, [this, followed] {
    async::Completer<Result<News>> done;
    {
      std::scoped_lock lock(mutex_);
      done = std::exchange(followed->waiting, nullptr);
    }
    if (done) done(fail(ErrorCode::canceled, "stopped"));
  });
  co_return co_await async::complete<Result<News>>([this, followed, stop](async::Completer<Result<News>> done) mutable {
    std::optional<Result<News>> answer;
    {
      std::scoped_lock lock(mutex_);
      // First: whoever waits for something else, too, and stops often, is to learn this all the same.
      if (followed->news) {
        answer = std::move(*std::exchange(followed->news, std::nullopt));
      } else if (stop.stop_requested()) {
        answer = fail(ErrorCode::canceled, "stopped");
      } else {
        followed->waiting = std::move(done);
      }
    }
    if (answer) done(std::move(*answer));
  });
}

/// What a state says beside what it is told for.
void Follower::note(const FollowedPtr& followed, const Snapshot& snapshot, Source source, Time now) {
  followed->missing_since.reset();
  followed->alone = false;
  if (snapshot.started_at) followed->started_at = snapshot.started_at;
  if (snapshot.created_at && followed->created_at != snapshot.created_at) set_created(followed, snapshot.created_at);
  if (!is_end(snapshot)) return;
  const auto& [created, started, completed] = std::tie(snapshot.created_at, snapshot.started_at, snapshot.completed_at);
  if (created && completed && snapshot.state && *snapshot.state != domain::Status::canceled) {
    times_.learn(followed->model, *completed - *created, started ? std::optional(*completed - *started) : std::nullopt);
  }
  const bool was_told = is_told(*followed, now);
  followed->over = true;
  unschedule(followed);
  set_created(followed, std::nullopt);
  const bool webhook_is_late = completed && now - *completed - skew_.value_or(Duration{}) > kWebhookPatience;
  if (source != Source::webhook && was_told && webhook_is_late) distrust_webhooks(now);
}

/// A webhook of an end did not come: the others are asked for as if there were none, until the next one comes.
void Follower::distrust_webhooks(Time now) {
  proved_at_.reset();
  for (auto& [id, followed] : all_) {
    followed->told = false;
    if (followed->place && followed->hooked) schedule_next(followed, now);
  }
}

void Follower::take_news(const FollowedPtr& followed, News news, Source source) {
  async::Completer<Result<News>> done;
  {
    std::scoped_lock lock(mutex_);
    const auto now = clock_.now();
    if (source != Source::webhook) followed->asked = false;
    if (followed->left) return;
    if (source == Source::webhook) {
      followed->told = true;
      proved_at_ = now;
    }
    if (const auto* snapshot = std::get_if<Snapshot>(&news)) {
      if (is_end(*snapshot) && !snapshot->whole && source != Source::single) {
        followed->alone = true;
        if (!followed->asked) schedule(followed, now, true);
        return;
      }
      note(followed, *snapshot, source, now);
    }
    // A request that is under way plans the next look when its answer comes.
    if (!followed->asked) schedule_next(followed, now);
    if (followed->waiting) {
      done = std::exchange(followed->waiting, nullptr);
    } else if (!followed->news || !is_older(news, *followed->news)) {
      followed->news = std::move(news);
    }
  }
  if (done) done(std::move(news));
}

bool Follower::tell(Snapshot snapshot) {
  FollowedPtr followed;
  {
    std::scoped_lock lock(mutex_);
    const auto it = all_.find(snapshot.id);
    if (it == all_.end()) return false;
    followed = it->second;
  }
  take_news(followed, std::move(snapshot), Source::webhook);
  return true;
}

void Follower::hurry(const std::string& remote_id) {
  std::scoped_lock lock(mutex_);
  const auto it = all_.find(remote_id);
  if (it != all_.end() && !it->second->asked) schedule(it->second, clock_.now(), true);
}

void Follower::relax(const FollowedPtr& followed, bool others_tell) {
  std::scoped_lock lock(mutex_);
  followed->relaxed = others_tell;
}

std::size_t Follower::size() const {
  std::scoped_lock lock(mutex_);
  return all_.size();
}

async::Task<void> Follower::run(async::StopToken stop) {
  const async::Executor executor = co_await boost::asio::this_coro::executor;
  while (co_await stop.sleep_for(kTick)) look(executor, stop);
  co_await finish();
}

async::Task<void> Follower::finish() {
  scope_.close();
  async::StopToken patience;
  while (scope_.size() > 0) co_await patience.sleep_for(5ms);
}

}  // namespace hekto::runners::replicate
