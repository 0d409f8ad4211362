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

std::size_t Follower::ByRemoteId::operator()(const FollowedPtr& followed) const { return (*this)(followed->remote_id); }

bool Follower::ByRemoteId::operator()(std::string_view id, const FollowedPtr& followed) const {
  return std::string_view(followed->remote_id) == id;
}

Follower::Follower(AccountPool& pool, AccountPtr account, UpstreamClient& client, const ports::Clock& clock,
                   Duration quiet)
    : pool_(pool), account_(std::move(account)), client_(client), clock_(clock), quiet_(quiet) {}

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
  const auto look = times_.next(*followed->model, age,
                                followed->started_at ? std::optional(since(*followed->started_at)) : std::nullopt);
  schedule(followed, now + look.wait, look.near);
}

void Follower::set_created(const FollowedPtr& followed, std::optional<Time> created_at) {
  if (followed->by_age) by_age_.erase(*std::exchange(followed->by_age, std::nullopt));
  if (created_at) followed->created_at = created_at;
  if (created_at && !followed->training && !followed->over) followed->by_age = by_age_.emplace(*created_at, followed);
}

Follower::FollowedPtr Follower::follow(std::string remote_id, bool training, std::string model,
                                       std::optional<Time> created_at, bool fresh, bool hooked, Time until,
                                       Fingerprint known) {
  std::scoped_lock lock(mutex_);
  const auto named = models_.try_emplace(std::move(model)).first;
  ++named->second;
  auto followed =
      std::allocate_shared<Followed>(KeptAllocator<Followed>(), remote_id, training, named->first, hooked, until);
  const auto now = clock_.now();
  followed->since = now;
  followed->new_at = now;
  followed->known = known;
  // The latest is the one that is told.
  if (const auto before = all_.find(std::string_view(followed->remote_id)); before != all_.end()) all_.erase(before);
  all_.insert(followed);
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
  if (std::exchange(followed->left, true)) return;
  const bool learnt = std::exchange(followed->over, true);
  unschedule(followed);
  set_created(followed, std::nullopt);
  all_.erase(followed);
  followed->waker.reset();
  if (took && !learnt) times_.learn(*followed->model, *took, std::nullopt);
  if (const auto named = models_.find(*followed->model); --named->second == 0) models_.erase(named);
}

/// Whoever waits, or asks, learns this now.
void Follower::hand_out(Followed& followed, const Learnt& learnt, Time now) {
  if (is_news(followed, learnt, now)) followed.new_at = now;
  followed.known.head = learnt.print.head;
  if (learnt.print.whole != 0) followed.known.whole = learnt.print.whole;
}

bool Follower::is_news(const Followed& followed, const Learnt& learnt, Time now) const {
  const auto* snapshot = std::get_if<Snapshot>(&learnt.news);
  if (snapshot == nullptr || is_end(*snapshot) || now >= followed.until) return true;
  const auto& [head, whole] = learnt.print;
  return head != followed.known.head || (whole != 0 && whole != followed.known.whole);
}

async::Task<Result<News>> Follower::next(FollowedPtr followed, async::StopToken stop, bool may_rest) {
  const async::StopCallback on_stop(stop, [this, followed] {
    async::Completer<Result<News>> done;
    {
      std::scoped_lock lock(mutex_);
      done = std::exchange(followed->waiting, nullptr);
    }
    if (done) done(fail(ErrorCode::canceled, "stopped"));
  });
  co_return co_await async::complete<Result<News>>(
      [this, followed, stop, may_rest](async::Completer<Result<News>> done) mutable {
        std::optional<Result<News>> answer;
        {
          std::scoped_lock lock(mutex_);
          const auto now = clock_.now();
          // First: whoever waits for something else, too, and stops often, is to learn this all the same.
          if (const auto learnt = std::move(followed->news)) {
            hand_out(*followed, *learnt, now);
            answer = std::move(learnt->news);
          } else if (stop.stop_requested()) {
            answer = fail(ErrorCode::canceled, "stopped");
          } else if (may_rest && now >= followed->new_at + quiet_) {
            answer = News(Quiet{});
          } else {
            followed->waiting = std::move(done);
            followed->may_rest = may_rest;
            if (may_rest && !std::exchange(followed->resting, true))
              resting_.emplace(followed->new_at + quiet_, followed);
          }
        }
        if (answer) done(std::move(*answer));
      });
}

/// Those who wait in vain for long enough.
std::vector<async::Completer<Result<News>>> Follower::take_quiet(Time now) {
  std::vector<async::Completer<Result<News>>> quiet;
  while (!resting_.empty() && resting_.begin()->first <= now) {
    const auto followed = std::move(resting_.begin()->second);
    resting_.erase(resting_.begin());
    followed->resting = false;
    if (followed->left || !followed->waiting || !followed->may_rest) continue;
    if (const auto due = followed->new_at + quiet_; due > now) {
      followed->resting = true;
      resting_.emplace(due, followed);
    } else {
      quiet.push_back(std::exchange(followed->waiting, nullptr));
    }
  }
  return quiet;
}

void Follower::watch(const FollowedPtr& followed, std::shared_ptr<ports::RelayWaker> waker, std::string_view id) {
  {
    std::scoped_lock lock(mutex_);
    if (followed->left) return;
    if (!followed->news || !is_news(*followed, *followed->news, clock_.now())) {
      followed->news.reset();
      followed->waker = std::move(waker);
      followed->wakes = id;
      return;
    }
  }
  waker->wake(id);
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
    times_.learn(*followed->model, *completed - *created,
                 started ? std::optional(*completed - *started) : std::nullopt);
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
  for (const auto& followed : all_) {
    followed->told = false;
    if (followed->place && followed->hooked) schedule_next(followed, now);
  }
}

void Follower::take_news(const FollowedPtr& followed, News news, Source source) {
  async::Completer<Result<News>> done;
  std::shared_ptr<ports::RelayWaker> waker;
  std::string wakes;
  const auto* snapshot = std::get_if<Snapshot>(&news);
  const auto print = snapshot != nullptr ? fingerprint(*snapshot) : Fingerprint{};
  Learnt learnt{std::move(news), print};
  {
    std::scoped_lock lock(mutex_);
    const auto now = clock_.now();
    if (source != Source::webhook) followed->asked = false;
    if (followed->left) return;
    if (source == Source::webhook) {
      followed->told = true;
      proved_at_ = now;
    }
    if (const auto* state = std::get_if<Snapshot>(&learnt.news)) {
      if (is_end(*state) && !state->whole && source != Source::single) {
        followed->alone = true;
        if (!followed->asked) schedule(followed, now, true);
        return;
      }
      note(followed, *state, source, now);
    }
    // A request that is under way plans the next look when its answer comes.
    if (!followed->asked) schedule_next(followed, now);
    if (followed->waiting) {
      hand_out(*followed, learnt, now);
      done = std::exchange(followed->waiting, nullptr);
    } else if (followed->waker && !is_news(*followed, learnt, now)) {
      return;
    } else if (!followed->news || !is_older(learnt.news, followed->news->news)) {
      followed->news = std::make_unique<Learnt>(std::move(learnt));
    }
    if (followed->waker) {
      waker = std::exchange(followed->waker, nullptr);
      wakes = followed->wakes;
    }
  }
  if (done) done(std::move(learnt.news));
  if (waker) waker->wake(wakes);
}

bool Follower::tell(Snapshot snapshot) {
  FollowedPtr followed;
  {
    std::scoped_lock lock(mutex_);
    const auto it = all_.find(std::string_view(snapshot.id));
    if (it == all_.end()) return false;
    followed = *it;
  }
  take_news(followed, std::move(snapshot), Source::webhook);
  return true;
}

void Follower::hurry(const std::string& remote_id) {
  std::scoped_lock lock(mutex_);
  const auto it = all_.find(std::string_view(remote_id));
  if (it != all_.end() && !(*it)->asked) schedule(*it, clock_.now(), true);
}

bool Follower::follows(std::string_view remote_id) const {
  std::scoped_lock lock(mutex_);
  return all_.contains(remote_id);
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
