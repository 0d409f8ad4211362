// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "json/value_json.h"
#include "ports/clock.h"
#include "tests/support/fake_http_client.h"

namespace hekto::test {

/// A Replicate-compatible service behind a FakeHttpClient. What becomes of each create is scripted; those that it takes
/// are in its list, newest first, and have succeeded at once. Any thread.
class FakeUpstream {
 public:
  using Act = std::function<Result<ports::HttpReply>(FakeUpstream&, const ports::HttpRequest&)>;

  /// `clock` and `http` outlive this, and this outlives all requests.
  FakeUpstream(FakeHttpClient& http, const ports::Clock& clock, std::string url = "https://up.example")
      : clock_(clock), url_(std::move(url)) {
    http.answer(url_ + "/", [this](const ports::HttpRequest& request) { return answer(request); });
  }

  // What a create may come to:
  /// It takes it and says so.
  static Act accepts() {
    return [](FakeUpstream& self, const ports::HttpRequest& request) { return self.take(request); };
  }
  /// It takes it, and its answer is lost.
  static Act loses_answer(ErrorCode code = ErrorCode::upstream) {
    return [code](FakeUpstream& self, const ports::HttpRequest& request) -> Result<ports::HttpReply> {
      (void)self.take(request);
      return fail(code, "the answer was lost, on purpose");
    };
  }
  /// It takes it, and answers that.
  static Act takes_and_answers(int status, std::string body = "") {
    return [status, body](FakeUpstream& self, const ports::HttpRequest& request) -> Result<ports::HttpReply> {
      (void)self.take(request);
      return ports::HttpReply{status, body, false};
    };
  }
  /// The request is lost after it left.
  static Act loses_request() {
    return [](FakeUpstream&, const ports::HttpRequest& request) -> Result<ports::HttpReply> {
      if (request.sent) *request.sent = true;
      return fail(ErrorCode::upstream, "the request was lost, on purpose");
    };
  }
  /// No connection comes about.
  static Act unreachable() {
    return [](FakeUpstream&, const ports::HttpRequest&) -> Result<ports::HttpReply> {
      return fail(ErrorCode::unavailable, "nobody listens, on purpose");
    };
  }
  /// It takes nothing, and answers that.
  static Act answers(int status, std::string body = "{}",
                     std::vector<std::pair<std::string, std::string>> headers = {}) {
    return [=](FakeUpstream&, const ports::HttpRequest& request) -> Result<ports::HttpReply> {
      if (request.sent) *request.sent = true;
      return ports::HttpReply{status, body, false, {}, headers};
    };
  }

  /// What becomes of the next creates, and of all after them: it accepts. With `token`: of those with that one.
  void creates(std::vector<Act> acts, const std::string& token = "") {
    std::scoped_lock lock(mutex_);
    acts_[token] = {acts.begin(), acts.end()};
  }
  /// What the next requests for the list come to; then the list.
  void lists(std::vector<Act> acts) {
    std::scoped_lock lock(mutex_);
    list_acts_ = {acts.begin(), acts.end()};
  }
  /// Somebody else's prediction, or one of ours that it took before.
  void has(const std::string& id, const std::string& input, const std::string& model = "acme/flux",
           Duration age = Duration{}) {
    std::scoped_lock lock(mutex_);
    shown_.emplace_front(id, show(id, model, input, clock_.now() - age));
  }
  /// How many creates have come, taken or not.
  std::size_t posts() const {
    std::scoped_lock lock(mutex_);
    return posts_;
  }
  /// How many it has taken.
  std::size_t taken() const {
    std::scoped_lock lock(mutex_);
    return taken_;
  }

 private:
  Result<ports::HttpReply> answer(const ports::HttpRequest& request) {
    std::unique_lock lock(mutex_);
    auto path = std::string_view(request.url).substr(url_.size());
    const bool list = path.starts_with("/v1/predictions?") || path.starts_with("/v1/trainings?");
    const bool create = request.method == "POST" && (path.ends_with("/predictions") || path.ends_with("/trainings"));
    std::deque<Act>* acts = list ? &list_acts_ : nullptr;
    if (create) {
      ++posts_;
      const auto found = acts_.find(token_of(request));
      acts = found != acts_.end() ? &found->second : &acts_[""];
    }
    if (acts != nullptr && !acts->empty()) {
      const auto act = std::move(acts->front());
      acts->pop_front();
      lock.unlock();
      return act(*this, request);
    }
    if (create) {
      lock.unlock();
      return take(request);
    }
    if (list) return ports::HttpReply{200, list_body(), false};
    const auto id = path.substr(0, path.find("/cancel")).substr(path.find('/', 4) + 1);
    for (const auto& [known, body] : shown_) {
      if (known == id) return ports::HttpReply{200, body, false};
    }
    return ports::HttpReply{404, R"({"detail":"The requested resource could not be found.","status":404})", false};
  }
  Result<ports::HttpReply> take(const ports::HttpRequest& request) {
    if (request.sent) *request.sent = true;
    std::scoped_lock lock(mutex_);
    const auto key = key_of(request);
    if (const auto before = by_key_.find(key); !key.empty() && before != by_key_.end()) {
      return ports::HttpReply{201, before->second, false};
    }
    const auto body = json::parse(request.body);
    const auto* input = body ? body->find("input") : nullptr;
    const auto id = "remote" + std::to_string(++taken_);
    auto shown = show(id, "acme/flux", input != nullptr ? json::dump(*input) : "{}", clock_.now());
    shown_.emplace_front(id, shown);
    if (!key.empty()) by_key_[key] = shown;
    return ports::HttpReply{201, std::move(shown), false};
  }
  static std::string show(const std::string& id, const std::string& model, const std::string& input, Time at) {
    const auto time = format_time(at);
    return R"({"id":")" + id + R"(","model":")" + model + R"(","version":"","status":"succeeded","input":)" + input +
           R"(,"output":"done","logs":"","error":null,"created_at":")" + time + R"(","started_at":")" + time +
           R"(","completed_at":")" + time + R"(","metrics":{}})";
  }
  std::string list_body() const {
    std::string body = R"({"next":null,"previous":null,"results":[)";
    for (std::size_t i = 0; i < shown_.size(); ++i) body.append(i > 0 ? "," : "").append(shown_[i].second);
    return body + "]}";
  }
  static std::string header(const ports::HttpRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
      if (key == name) return value;
    }
    return {};
  }
  static std::string token_of(const ports::HttpRequest& request) {
    const auto value = header(request, "Authorization");
    return value.starts_with("Bearer ") ? value.substr(7) : value;
  }
  static std::string key_of(const ports::HttpRequest& request) { return header(request, "Idempotency-Key"); }

  const ports::Clock& clock_;
  const std::string url_;
  mutable std::mutex mutex_;  // guards everything below
  std::map<std::string, std::deque<Act>> acts_;
  std::deque<Act> list_acts_;
  std::deque<std::pair<std::string, std::string>> shown_;  // id and body, newest first
  std::map<std::string, std::string> by_key_;
  std::size_t posts_ = 0, taken_ = 0;
};

}  // namespace hekto::test
