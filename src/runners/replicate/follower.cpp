// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/follower.h"

#include <algorithm>

#include "base/encoding.h"
#include "runners/replicate/answer.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTick = 50ms;
/// After a request that said nothing of the prediction.
constexpr Duration kAgainAfterFailure = 1s;
/// One page of a list.
constexpr std::size_t kPage = 100;
/// Pages read of one list: what lies between those that are wanted may be others' predictions.
constexpr int kMaxPages = 3;

}  // namespace

class Follower::Followed {
 public:
  Followed(std::string id, bool is_training, std::string of_model, std::optional<Time> created)
      : remote_id(std::move(id)), training(is_training), model(std::move(of_model)), created_at(created) {}
  const std::string remote_id;
  const bool training;
  const std::string model;

  // Guarded by the follower's mutex_:
  std::optional<Time> created_at;
  Time since{};                        // followed from here
  std::optional<Due::iterator> place;  // in due_
  bool asked = false;                  // a request for it is under way
  bool left = false;
  std::optional<Time> missing_since;
  std::optional<News> news;  // not taken yet
  async::Completer<Result<News>> waiting;
};

Follower::Follower(AccountPool& pool, AccountPtr account, UpstreamClient& client, const ports::Clock& clock)
    : pool_(pool), account_(std::move(account)), client_(client), clock_(clock) {}

void Follower::schedule(const FollowedPtr& followed, Time at) {
  unschedule(followed);
  if (!followed->left) followed->place = due_.emplace(at, followed);
}

void Follower::unschedule(const FollowedPtr& followed) {
  if (followed->place) due_.erase(*std::exchange(followed->place, std::nullopt));
}

Follower::FollowedPtr Follower::follow(std::string remote_id, bool training, std::string model,
                                       std::optional<Time> created_at) {
  auto followed = std::make_shared<Followed>(std::move(remote_id), training, std::move(model), created_at);
  std::scoped_lock lock(mutex_);
  followed->since = clock_.now();
  all_[followed->remote_id] = followed;
  const auto age = followed->since - created_at.value_or(followed->since);
  // Of those taken up after a restart nothing is known: they are looked at first.
  schedule(followed, created_at ? followed->since + times_.next_look(followed->model, age) : followed->since);
  return followed;
}

void Follower::leave(const FollowedPtr& followed, std::optional<Duration> took) {
  std::scoped_lock lock(mutex_);
  followed->left = true;
  unschedule(followed);
  if (const auto it = all_.find(followed->remote_id); it != all_.end() && it->second == followed) all_.erase(it);
  if (took) times_.learn(followed->model, *took);
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
      if (stop.stop_requested()) {
        answer = fail(ErrorCode::canceled, "stopped");
      } else if (followed->news) {
        answer = std::move(*std::exchange(followed->news, std::nullopt));
      } else {
        followed->waiting = std::move(done);
      }
    }
    if (answer) done(std::move(*answer));
  });
}

void Follower::take_news(const FollowedPtr& followed, News news) {
  async::Completer<Result<News>> done;
  {
    std::scoped_lock lock(mutex_);
    if (followed->left) return;
    const auto now = clock_.now();
    followed->asked = false;
    const auto* snapshot = std::get_if<Snapshot>(&news);
    if (snapshot != nullptr) {
      followed->missing_since.reset();
      if (snapshot->created_at) followed->created_at = snapshot->created_at;
    }
    schedule(followed, now + times_.next_look(followed->model, now - followed->created_at.value_or(followed->since)));
    if (followed->waiting) {
      done = std::exchange(followed->waiting, nullptr);
    } else {
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
  take_news(followed, std::move(snapshot));
  return true;
}

void Follower::hurry(const std::string& remote_id) {
  std::scoped_lock lock(mutex_);
  const auto it = all_.find(remote_id);
  if (it != all_.end() && !it->second->asked) schedule(it->second, clock_.now());
}

std::size_t Follower::size() const {
  std::scoped_lock lock(mutex_);
  return all_.size();
}

std::vector<Follower::FollowedPtr> Follower::take_due(Time now) {
  std::vector<FollowedPtr> due;
  for (auto it = due_.begin(); it != due_.end() && it->first <= now; ++it) due.push_back(it->second);
  return due;
}

/// What is due and finds no request stays due, and is looked at again with the next tick.
void Follower::tick(async::Executor executor, async::StopToken stop) {
  std::vector<FollowedPtr> singles;
  std::vector<std::vector<FollowedPtr>> lists;
  {
    std::scoped_lock lock(mutex_);
    const auto now = clock_.now();
    auto due = take_due(now);
    if (due.empty()) return;
    const auto ask = [&](const FollowedPtr& followed) {
      unschedule(followed);
      followed->asked = true;
    };
    const auto room = [&] { return under_way_ < kAtOnce; };
    std::vector<FollowedPtr> rest;
    const bool few = due.size() <= kFew;
    for (auto& followed : due) {
      const auto age = now - followed->created_at.value_or(followed->since);
      const bool alone = few || !followed->created_at || times_.is_near_end(followed->model, age);
      // Half of the requests are kept for the lists, without which the many would wait for the few.
      if (alone && (few ? room() : under_way_ + 1 < kAtOnce / 2) && reads_.try_take(now)) {
        ask(followed);
        ++under_way_;
        singles.push_back(followed);
      } else if (followed->created_at && !followed->training) {
        rest.push_back(followed);
      }
    }
    std::ranges::sort(rest, {}, [](const FollowedPtr& f) { return *f->created_at; });
    for (std::size_t i = 0; !few && i < rest.size() && room() && pool_.try_take_other(account_); i += kPage) {
      const auto end = std::min(i + kPage, rest.size());
      std::vector<FollowedPtr> page(rest.begin() + static_cast<std::ptrdiff_t>(i),
                                    rest.begin() + static_cast<std::ptrdiff_t>(end));
      for (const auto& followed : page) ask(followed);
      ++under_way_;
      lists.push_back(std::move(page));
    }
  }
  for (auto& followed : singles) scope_.spawn(executor, ask_one(std::move(followed), stop));
  for (auto& page : lists) scope_.spawn(executor, ask_list(std::move(page), stop));
}

async::Task<void> Follower::ask_one(FollowedPtr followed, async::StopToken stop) {
  ports::HttpRequest request;
  request.limit = 15s;
  request.max_reply = UpstreamClient::kMaxReply;
  request.stop = stop;
  request.reuse = true;
  pool_.count_request(account_);
  const auto reply = co_await client_.send(
      account_, std::move(request),
      std::string(followed->training ? "/v1/trainings/" : "/v1/predictions/") + percent_encode(followed->remote_id));
  std::optional<News> news;
  if (reply && reply->status == 200 && !reply->truncated) {
    if (auto snapshot = parse_snapshot(reply->body); snapshot && snapshot->id == followed->remote_id) {
      news = std::move(*snapshot);
    }
  }
  {
    std::scoped_lock lock(mutex_);
    --under_way_;
    const auto now = clock_.now();
    if (reply && reply->status == 429) reads_.block_until(now + std::max<Duration>(retry_after(*reply), 1s));
    if (reply && reply->status == 404) {
      if (!followed->missing_since) followed->missing_since = now;
      if (now - *followed->missing_since >= kGoneGrace) news = Gone{};
    }
    if (!news) {
      followed->asked = false;
      schedule(followed, now + kAgainAfterFailure);
    }
  }
  if (news) take_news(followed, std::move(*news));
}

async::Task<void> Follower::ask_list(std::vector<FollowedPtr> wanted, async::StopToken stop) {
  std::unordered_map<std::string, FollowedPtr> missing;
  Time from = Time::max();
  Time to = Time::min();
  {
    std::scoped_lock lock(mutex_);
    for (const auto& followed : wanted) {
      missing.emplace(followed->remote_id, followed);
      from = std::min(from, *followed->created_at);
      to = std::max(to, *followed->created_at);
    }
  }
  std::string cursor;
  for (int page = 0; page < kMaxPages && !missing.empty() && !stop.stop_requested(); ++page) {
    // The first page's allowance was taken with the decision to ask.
    if (page > 0 && !pool_.try_take_other(account_)) break;
    ports::HttpRequest request;
    request.limit = 20s;
    request.max_reply = UpstreamClient::kMaxReply;
    request.stop = stop;
    request.reuse = true;
    if (cursor.empty()) {
      // Some services show fewer digits of a time than they keep.
      cursor = "/v1/predictions?created_after=" + percent_encode(format_time(from - 1ms)) +
               "&created_before=" + percent_encode(format_time(to + 1ms));
    }
    const auto reply = co_await client_.send(account_, std::move(request), cursor);
    if (reply && reply->status == 429) pool_.throttle_others(account_, retry_after(*reply));
    if (!reply || reply->status != 200 || reply->truncated) break;
    auto shown = parse_page(reply->body);
    if (!shown) break;
    for (auto& snapshot : shown->items) {
      const auto found = missing.find(snapshot.id);
      if (found == missing.end()) continue;
      const auto followed = std::move(found->second);
      missing.erase(found);
      take_news(followed, std::move(snapshot));
    }
    cursor = std::move(shown->next);
    if (cursor.empty()) break;
  }
  std::scoped_lock lock(mutex_);
  --under_way_;
  const auto now = clock_.now();
  for (const auto& [id, followed] : missing) {
    // Asked for alone next: what a list does not show may be gone.
    followed->asked = false;
    followed->created_at.reset();
    schedule(followed, now + kAgainAfterFailure);
  }
}

async::Task<void> Follower::run(async::StopToken stop) {
  const async::Executor executor = co_await boost::asio::this_coro::executor;
  while (co_await stop.sleep_for(kTick)) tick(executor, stop);
  scope_.close();
  async::StopToken patience;
  while (scope_.size() > 0) co_await patience.sleep_for(5ms);
}

}  // namespace hekto::runners::replicate
