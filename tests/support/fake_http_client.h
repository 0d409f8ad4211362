// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/stop.h"
#include "ports/http_client.h"

namespace hekto::test {

/// A world of receivers. Every URL answers 200 unless something else was said about what it begins with. Any thread.
class FakeHttpClient final : public ports::HttpClient {
 public:
  /// URLs that begin with `prefix` answer these, one after the other; the last one goes on for ever.
  void answer(std::string prefix, std::vector<Result<ports::HttpReply>> replies) {
    std::scoped_lock lock(mutex_);
    replies_[std::move(prefix)] = {replies.begin(), replies.end()};
  }
  void answer(std::string prefix, std::vector<int> statuses) {
    std::vector<Result<ports::HttpReply>> replies;
    for (const int status : statuses) replies.push_back(ports::HttpReply{status, "", false});
    answer(std::move(prefix), std::move(replies));
  }
  /// URLs that begin with `prefix` answer what `script` says. It is called when the request has come, one at a time,
  /// before the answer is held, and sets HttpRequest::sent itself.
  using Script = std::function<Result<ports::HttpReply>(const ports::HttpRequest&)>;
  void answer(std::string prefix, Script script) {
    std::scoped_lock lock(mutex_);
    scripts_.insert_or_assign(std::move(prefix), std::move(script));
  }
  /// URLs that begin with `prefix` do not answer before `released` is requested.
  void hold(std::string prefix, async::StopToken released) {
    std::scoped_lock lock(mutex_);
    holds_.insert_or_assign(std::move(prefix), std::move(released));
  }
  /// Ends what is held and all that comes, as a client does that stops.
  void cut_off() {
    std::scoped_lock lock(mutex_);
    cut_off_ = true;
    for (auto& [prefix, token] : holds_) token.request_stop();
  }
  /// The requests so far whose URL begins with `prefix`, in order of arrival.
  std::vector<ports::HttpRequest> sent(std::string_view prefix = {}) const {
    std::scoped_lock lock(mutex_);
    std::vector<ports::HttpRequest> found;
    for (const auto& request : sent_) {
      if (request.url.starts_with(prefix)) found.push_back(request);
    }
    return found;
  }
  /// The most requests that were under way at once.
  std::size_t peak(const std::string& url) const {
    std::scoped_lock lock(mutex_);
    const auto found = peaks_.find(url);
    return found == peaks_.end() ? 0 : found->second;
  }

  async::Task<Result<ports::HttpReply>> send(ports::HttpRequest request) override {
    async::StopToken held;
    bool holds = false;
    std::optional<Result<ports::HttpReply>> scripted;
    {
      std::scoped_lock lock(mutex_);
      peaks_[request.url] = std::max(peaks_[request.url], ++under_way_[request.url]);
      for (const auto& [prefix, token] : holds_) {
        if (request.url.starts_with(prefix)) held = token, holds = true;
      }
      sent_.push_back(request);
      sent_.back().sink.reset();  // what was downloaded is not for this list to keep
      for (const auto& [prefix, script] : scripts_) {
        if (request.url.starts_with(prefix)) scripted = script(request);
      }
    }
    if (holds) co_await wait_for_either(held, request.stop);
    std::scoped_lock lock(mutex_);
    --under_way_[request.url];
    if (cut_off_ || request.stop.stop_requested()) co_return fail(ErrorCode::canceled, "stopping");
    if (scripted) co_return request.sink ? pass_on(std::move(*scripted), request) : std::move(*scripted);
    for (auto& [prefix, replies] : replies_) {
      if (!request.url.starts_with(prefix)) continue;
      auto reply = replies.front();
      if (replies.size() > 1) replies.pop_front();
      co_return request.sink ? pass_on(std::move(reply), request) : reply;
    }
    co_return ports::HttpReply{200, "", false};
  }

 private:
  static async::Task<void> wait_for_either(async::StopToken one, async::StopToken other) {
    async::StopToken wake;
    const auto ring = [wake]() mutable { wake.request_stop(); };
    const async::StopCallback on_one(one, ring);
    const async::StopCallback on_other(other, ring);
    co_await wake.sleep_for(std::chrono::hours(1));
  }
  /// The body goes where a download goes.
  static Result<ports::HttpReply> pass_on(Result<ports::HttpReply> reply, const ports::HttpRequest& request) {
    if (!reply) return reply;
    const auto body = std::exchange(reply->body, {});
    if (reply->status != 200) return reply;
    if (auto begun = request.sink->begin(*reply); !begun) return std::unexpected(begun.error());
    if (body.size() > request.max_reply) return fail(ErrorCode::too_large, "it has too many bytes, on purpose");
    if (auto written = request.sink->write(body); !written) return std::unexpected(written.error());
    return reply;
  }

  mutable std::mutex mutex_;  // guards everything below
  std::map<std::string, std::deque<Result<ports::HttpReply>>> replies_;
  std::map<std::string, Script> scripts_;
  std::map<std::string, async::StopToken> holds_;
  std::vector<ports::HttpRequest> sent_;
  std::map<std::string, std::size_t> under_way_, peaks_;
  bool cut_off_ = false;
};

}  // namespace hekto::test
