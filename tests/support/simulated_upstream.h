// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "async/completion.h"
#include "base/encoding.h"
#include "runners/replicate/follower.h"
#include "tests/support/manual_clock.h"

namespace hekto::runners::replicate {

/// An upstream with any number of predictions, a Follower of them and those who wait for its news, all in simulated
/// time: nothing happens but in pass() and tell(), and then all on the calling thread.
class SimulatedUpstream final : public ports::HttpClient {
 public:
  struct Given {
    std::string id;
    Duration runs{};
    Duration waits{};  ///< before it starts
    std::string model = "acme/model";
    bool hooked = false;
    Duration age{};  ///< it was created so long ago
    Duration limit = std::chrono::hours(24);
  };

  static constexpr Duration kStep = std::chrono::milliseconds(10);
  static constexpr Duration kReadTakes = std::chrono::milliseconds(60);
  static constexpr Duration kListTakes = std::chrono::milliseconds(150);

  SimulatedUpstream() {
    UpstreamOptions options;
    options.name = "simulated";
    options.accounts.push_back({"one", Secret("token")});
    pool_ = std::make_unique<AccountPool>(std::vector{std::move(options)}, clock_);
    client_ = std::make_unique<UpstreamClient>(*this, *pool_);
    follower_ = std::make_unique<Follower>(*pool_, pool_->accounts().front(), *client_, clock_);
  }
  ~SimulatedUpstream() override {
    stop_.request_stop();
    answer(Time::max());
    boost::asio::co_spawn(context_, follower_->finish(), boost::asio::detached);
    context_.restart();
    context_.run();
  }
  SimulatedUpstream(const SimulatedUpstream&) = delete;
  SimulatedUpstream& operator=(const SimulatedUpstream&) = delete;

  Follower& follower() { return *follower_; }
  Time now() const { return clock_.now(); }

  /// Creates it, has it followed, and reads what there is to know of it.
  void follow(Given given) {
    const auto id = given.id;
    boost::asio::co_spawn(context_, read(follow_unread(std::move(given)), id), boost::asio::detached);
    poll();
  }
  /// The same, but for the reading.
  Follower::FollowedPtr follow_unread(Given given) {
    const auto id = given.id;
    const Time created = now() - given.age;
    const Time started = created + given.waits;
    const auto model = given.model;
    const bool hooked = given.hooked;
    const Time until = now() + given.limit;
    const bool fresh = given.age == Duration{};
    const Time ends = started + given.runs;
    all_[id] = {std::move(given), created, started, ends};
    by_age_.emplace(created, id);
    return follower_->follow(id, false, model, created + offset_, fresh, hooked, until);
  }
  News next(const Follower::FollowedPtr& followed) {
    std::optional<News> news;
    boost::asio::co_spawn(context_, follower_->next(followed, stop_),
                          [&news](const std::exception_ptr&, Result<News> got) { news = std::move(got.value()); });
    poll();
    return std::move(news.value());
  }

  /// Empty until next() has come to something.
  std::shared_ptr<const std::optional<News>> wait(const Follower::FollowedPtr& followed, bool may_rest = true) {
    auto news = std::make_shared<std::optional<News>>();
    boost::asio::co_spawn(context_, follower_->next(followed, stop_, may_rest),
                          [news](const std::exception_ptr&, Result<News> got) {
                            if (got) *news = std::move(*got);
                          });
    poll();
    return news;
  }

  /// Lets time pass.
  void pass(Duration span) {
    for (const Time until = now() + span; now() < until;) {
      clock_.advance(kStep);
      answer(now());
      poll();
      if (now() < next_look_) continue;
      next_look_ = now() + Follower::kTick;
      follower_->look(context_.get_executor(), stop_);
      poll();
    }
  }
  /// Calls the webhook of it as it is now.
  void tell(const std::string& id) {
    follower_->tell(snapshot(id));
    poll();
  }
  Snapshot snapshot(const std::string& id) const { return parse_snapshot(shown(all_.at(id))).value(); }

  void hide_from_lists(const std::string& id) { hidden_.insert(id); }
  void break_lists() { no_lists_ = true; }
  /// Nothing of it can be reached while it is down.
  void set_down(bool down) { down_ = down; }
  void forget(const std::string& id) { all_.erase(id); }
  void throttle_reads(Duration span) { throttled_until_ = now() + span; }
  /// How far the upstream's clock is ahead of ours.
  void set_upstream_clock(Duration ahead) { offset_ = ahead; }
  /// When those that wait start is for the test to say.
  void start(const std::string& id) {
    auto& p = all_.at(id);
    p.started = now();
    p.ends = now() + p.given.runs;
  }

  /// From each end to the news of it, in the order in which they came.
  const std::vector<Duration>& delays() const { return delays_; }
  Duration delay_at(std::size_t percent) const {
    auto sorted = delays_;
    std::ranges::sort(sorted);
    return sorted.at((sorted.size() - 1) * percent / 100);
  }
  void forget_delays() { delays_.clear(); }
  std::size_t gone() const { return gone_; }
  /// When requests came: for single predictions, and for lists.
  const std::vector<Time>& reads() const { return reads_; }
  const std::vector<Time>& lists() const { return lists_; }
  const std::vector<Time>& reads(const std::string& id) { return reads_of_[id]; }

  async::Task<Result<ports::HttpReply>> send(ports::HttpRequest request) override {
    const std::string path = request.url.substr(request.url.find("/v1/"));
    const bool list = path.starts_with("/v1/predictions?");
    Result<ports::HttpReply> reply = list ? list_reply(path) : read_reply(path);
    if (down_) reply = fail(ErrorCode::unavailable, "nobody listens, on purpose");
    const Time at = now() + (list ? kListTakes : kReadTakes);
    co_return co_await async::complete<Result<ports::HttpReply>>(
        [this, at, &reply](async::Completer<Result<ports::HttpReply>> done) {
          waiting_.emplace(at, std::pair(std::move(done), std::move(reply)));
        });
  }

 private:
  struct Prediction {
    Given given;
    Time created{}, started{}, ends{};
    mutable int shown_state = 0;
    mutable std::string shown = {};
  };

  void poll() {
    context_.restart();
    context_.poll();
  }

  async::Task<void> read(Follower::FollowedPtr followed, std::string id) {
    for (;;) {
      const auto news = co_await follower_->next(followed, stop_);
      if (!news) co_return;
      const auto* snapshot = std::get_if<Snapshot>(&*news);
      if (snapshot == nullptr) ++gone_;
      if (snapshot != nullptr && (!snapshot->state || !domain::is_terminal(*snapshot->state))) continue;
      if (snapshot != nullptr) delays_.push_back(now() - all_.at(id).ends);
      follower_->leave(followed, std::nullopt);
      co_return;
    }
  }

  /// What it looks like now. Made once for each state: ten thousand are shown every two seconds.
  const std::string& shown(const Prediction& p) const {
    const bool started = now() >= p.started;
    const bool ended = now() >= p.ends;
    const int state = 1 + (started ? 1 : 0) + (ended ? 1 : 0);
    if (p.shown_state == state) return p.shown;
    const auto time = [&](bool known, Time at) { return known ? "\"" + format_time(at + offset_) + "\"" : "null"; };
    p.shown_state = state;
    p.shown = R"({"id":")" + p.given.id + R"(","status":")" +
              (ended     ? "succeeded"
               : started ? "processing"
                         : "starting") +
              R"(","input":{"prompt":"x"},"output":null,"logs":"","created_at":)" + time(true, p.created) +
              R"(,"started_at":)" + time(started, p.started) + R"(,"completed_at":)" + time(ended, p.ends) + "}";
    return p.shown;
  }

  ports::HttpReply read_reply(const std::string& path) {
    reads_.push_back(now());
    const auto id = path.substr(path.rfind('/') + 1);
    reads_of_[id].push_back(now());
    if (now() < throttled_until_) {
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(throttled_until_ - now()).count();
      return {429, "{}", false, {}, {{"Retry-After", std::to_string(seconds)}}};
    }
    const auto found = all_.find(id);
    if (found == all_.end()) return {404, "{}"};
    return {200, shown(found->second)};
  }

  ports::HttpReply list_reply(const std::string& path) {
    lists_.push_back(now());
    if (no_lists_) return {500, "{}"};
    const auto time_of = [&](std::string_view name) {
      const auto at = path.find(name) + name.size();
      return parse_time(percent_decode(path.substr(at, path.find('&', at) - at), false).value()).value() - offset_;
    };
    const Time from = time_of("created_after=");
    Time to = time_of("created_before=");
    if (const auto at = path.find("&cursor="); at != std::string::npos)
      to = from_micros(std::stoll(path.substr(at + 8)));
    std::string body = R"({"results":[)";
    std::size_t count = 0;
    std::string next;
    for (auto it = by_age_.lower_bound(to); it != by_age_.begin();) {
      --it;
      if (it->first < from) break;
      const auto found = all_.find(it->second);
      if (found == all_.end() || hidden_.contains(it->second)) continue;
      if (count++ == 100) {
        next = "https://api.replicate.com" + path.substr(0, path.find("&cursor=")) +
               "&cursor=" + std::to_string(to_micros(std::next(it)->first));
        break;
      }
      if (count > 1) body += ',';
      body += shown(found->second);
    }
    return {200, body + R"(],"next":)" + (next.empty() ? "null" : "\"" + next + "\"") + "}"};
  }

  /// Answers what is due by `until`.
  void answer(Time until) {
    while (!waiting_.empty() && waiting_.begin()->first <= until) {
      auto node = waiting_.extract(waiting_.begin());
      node.mapped().first(std::move(node.mapped().second));
    }
  }

  test::ManualClock clock_;
  boost::asio::io_context context_{1};
  async::StopToken stop_;
  std::unique_ptr<AccountPool> pool_;
  std::unique_ptr<UpstreamClient> client_;
  std::unique_ptr<Follower> follower_;
  std::map<std::string, Prediction> all_;
  std::multimap<Time, std::string> by_age_;
  std::set<std::string> hidden_;
  std::multimap<Time, std::pair<async::Completer<Result<ports::HttpReply>>, Result<ports::HttpReply>>> waiting_;
  Time next_look_{};
  Time throttled_until_{};
  Duration offset_{};
  bool no_lists_ = false;
  bool down_ = false;
  std::vector<Duration> delays_;
  std::size_t gone_ = 0;
  std::vector<Time> reads_, lists_;
  std::map<std::string, std::vector<Time>> reads_of_;
};

}  // namespace hekto::runners::replicate
