// SPDX-License-Identifier: Apache-2.0
// Follower: which requests are sent when, and what comes back.
#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "runners/replicate/answer.h"
#include "runners/replicate/followed.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

/// After a request that said nothing of the prediction.
constexpr Duration kAgainAfterFailure = 1s;
/// After a list that could not be had.
constexpr Duration kListsAgainAfter = 10s;
/// One page of a list.
constexpr std::size_t kPage = 100;
/// Pages read of one list: what lies between those that are wanted may be others' predictions.
constexpr int kMaxPages = 3;
/// Neighbours that are not due and are shown along with those that are.
constexpr std::size_t kGap = 8;
/// What is due so soon may as well be shown by a list now.
constexpr Duration kSoon = 500ms;
/// Those that are due and looked through in one look().
constexpr std::size_t kMost = 4'000;
/// Reads that are left for those expected to end.
constexpr double kReadsKept = 200;

/// Requests of its kind that the upstream still lets through; nullopt when it does not say.
std::optional<int> remaining(const ports::HttpReply& reply) {
  const auto text = reply.header("ratelimit-remaining");
  int left = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), left);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(left) : std::nullopt;
}

}  // namespace

void Follower::ask(const FollowedPtr& followed) {
  unschedule(followed);
  followed->asked = true;
}

/// Takes the allowance for one read, if there is one.
bool Follower::may_read(Time now, bool urgent) {
  if (singles_ >= (urgent ? kSingles : kSingles * 3 / 4)) return false;
  if (!urgent && reads_.left(now) < kReadsKept) return false;
  return reads_.try_take(now);
}

/// Up to a page of neighbours by age, as many of which are due as there are without many between that are not.
Follower::Page Follower::neighbours(const FollowedPtr& around, Time now, std::size_t& due) const {
  Page page{around};
  due = 1;
  std::size_t shown = 1;
  const auto add = [&](const FollowedPtr& followed, std::size_t& gap, std::size_t& kept) {
    ++shown;
    const bool wanted = !followed->asked && !followed->alone;
    if (wanted) page.push_back(followed);
    if (wanted && followed->place && (*followed->place)->first <= now + kSoon) {
      ++due;
      gap = 0;
      kept = page.size();
    } else {
      ++gap;
    }
    return gap <= kGap && shown < kPage;
  };
  std::size_t kept = 1;
  std::size_t gap = 0;
  for (auto it = *around->by_age; it != by_age_.begin() && add((--it)->second, gap, kept);) {
  }
  page.resize(kept);
  gap = 0;
  for (auto it = std::next(*around->by_age); shown < kPage && it != by_age_.end() && add(it->second, gap, kept); ++it) {
  }
  page.resize(kept);
  return page;
}

/// When more are due than can be asked for one by one.
void Follower::plan_many(Time now, Page& singles, std::vector<Page>& lists) {
  Page due;
  for (const auto* queue : {&urgent_, &routine_}) {
    for (auto it = queue->begin(); it != queue->end() && it->first <= now && due.size() < kMost; ++it) {
      due.push_back(it->second);
    }
  }
  bool may_list = now >= no_lists_until_;
  bool may_ask = true;
  for (const auto& followed : due) {
    if (!may_list && !may_ask) break;
    if (followed->asked) continue;
    if (may_list && followed->by_age && !followed->alone) {
      std::size_t shown_due = 0;
      auto page = neighbours(followed, now, shown_due);
      if (shown_due >= kWorthAList) {
        may_list = lists_ < kLists && pool_.try_take_other(account_);
        if (may_list) {
          for (const auto& neighbour : page) ask(neighbour);
          ++lists_;
          lists.push_back(std::move(page));
          continue;
        }
      }
    }
    may_ask = may_ask && may_read(now, false);
    if (!may_ask) continue;
    ask(followed);
    ++singles_;
    singles.push_back(followed);
  }
}

/// What is due and finds no request stays due, and is looked at again the next time.
void Follower::look(const async::Executor& executor, const async::StopToken& stop) {
  {
    std::vector<async::Completer<Result<News>>> quiet;
    {
      std::scoped_lock lock(mutex_);
      quiet = take_quiet(clock_.now());
    }
    for (auto& done : quiet) done(News(Quiet{}));
  }
  Page singles;
  std::vector<Page> lists;
  {
    std::scoped_lock lock(mutex_);
    const auto now = clock_.now();
    const auto is_due = [now](const Due& queue) { return !queue.empty() && queue.begin()->first <= now; };
    const auto take = [&](Due& queue, bool urgent, std::size_t most = kSingles) {
      for (std::size_t i = 0; i < most && is_due(queue) && may_read(now, urgent); ++i) {
        const auto followed = queue.begin()->second;
        ask(followed);
        ++singles_;
        singles.push_back(followed);
      }
    };
    if (!is_due(urgent_) && !is_due(routine_)) return;
    const auto may_ask = pool_.may_ask(account_, kSingles);
    if (may_ask < kSingles) {
      // The upstream does not answer. Now and then one request finds out whether it does again.
      take(is_due(urgent_) ? urgent_ : routine_, true, may_ask);
    } else {
      take(urgent_, true);
      std::size_t left = 0;
      for (const auto* queue : {&urgent_, &routine_}) {
        for (auto it = queue->begin(); it != queue->end() && it->first <= now && left <= kFew; ++it) ++left;
      }
      if (left > kFew) {
        plan_many(now, singles, lists);
      } else {
        take(routine_, false);
      }
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
    if (auto snapshot = parse_snapshot(reply->body);
        snapshot && snapshot->id == std::string_view(followed->remote_id)) {
      news = std::move(*snapshot);
    }
  }
  {
    std::scoped_lock lock(mutex_);
    --singles_;
    const auto now = clock_.now();
    if (reply && reply->status == 429) {
      reads_.reduce(std::max(reads_.a_minute() / 2, 60.0), now);
      reads_.block_until(now + std::max<Duration>(retry_after(*reply), 1s));
    } else if (reply) {
      // What is under way may use up the rest.
      const auto left = remaining(*reply);
      if (left && *left >= 0 && static_cast<std::size_t>(*left) <= singles_) reads_.block_until(now + 1s);
    }
    if (reply && reply->status == 404) {
      if (!followed->missing_since) followed->missing_since = now;
      if (now - *followed->missing_since >= kGoneGrace) news = Gone{};
    }
    if (!news) {
      followed->asked = false;
      schedule(followed, now + kAgainAfterFailure, followed->alone);
    }
  }
  if (news) take_news(followed, std::move(*news), Source::single);
}

async::Task<void> Follower::ask_list(Page wanted, async::StopToken stop) {
  std::unordered_map<std::string, FollowedPtr> missing;
  Time from = Time::max();
  Time to = Time::min();
  {
    std::scoped_lock lock(mutex_);
    for (const auto& followed : wanted) {
      missing.emplace(std::string_view(followed->remote_id), followed);
      from = std::min(from, *followed->created_at);
      to = std::max(to, *followed->created_at);
    }
  }
  bool failed = false;
  std::optional<Time> seen_from = to;  // those created since were shown, if they are there; nullopt: all
  // Some services show fewer digits of a time than they keep.
  std::string cursor = "/v1/predictions?created_after=" + percent_encode(format_time(from - 1ms)) +
                       "&created_before=" + percent_encode(format_time(to + 1ms));
  for (int page = 0; page < kMaxPages && !missing.empty() && !stop.stop_requested(); ++page) {
    // The first page's allowance was taken with the decision to ask.
    if (page > 0 && !pool_.try_take_other(account_)) break;
    ports::HttpRequest request;
    request.limit = 20s;
    request.max_reply = UpstreamClient::kMaxReply;
    request.stop = stop;
    request.reuse = true;
    const auto reply = co_await client_.send(account_, std::move(request), cursor);
    if (reply && reply->status == 429) pool_.throttle_others(account_, retry_after(*reply));
    auto shown = reply && reply->status == 200 && !reply->truncated
                     ? parse_page(reply->body)
                     : Result<SnapshotPage>(fail(ErrorCode::unavailable, "no list"));
    if (!shown) {
      failed = true;
      break;
    }
    for (auto& snapshot : shown->items) {
      if (snapshot.created_at && seen_from) seen_from = std::min(*seen_from, *snapshot.created_at);
      const auto found = missing.find(snapshot.id);
      if (found == missing.end()) continue;
      const auto followed = std::move(found->second);
      missing.erase(found);
      take_news(followed, std::move(snapshot), Source::list);
    }
    cursor = std::move(shown->next);
    if (cursor.empty()) {
      seen_from.reset();
      break;
    }
  }
  std::scoped_lock lock(mutex_);
  --lists_;
  const auto now = clock_.now();
  if (failed) no_lists_until_ = now + kListsAgainAfter;
  for (const auto& [id, followed] : missing) {
    followed->asked = false;
    // What should have been shown and was not may be gone; what lay beyond the last page is asked for alone, too.
    const bool passed = !failed && (!seen_from || *followed->created_at > *seen_from);
    followed->alone = !failed;
    schedule(followed, passed || failed ? now + kAgainAfterFailure : now, !failed);
  }
}

}  // namespace hekto::runners::replicate
