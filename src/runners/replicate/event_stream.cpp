// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/event_stream.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/encoding.h"
#include "base/text.h"
#include "runners/replicate/answer.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLongestPause = 5s;
constexpr Duration kLongestAsked = 1min;
/// The official service ends a stream on which nothing came for half a minute. That is no failure, nor is the end of
/// any other connection that stood so long.
constexpr Duration kSteady = 5s;
/// Keep-alive comments come every few seconds from some servers, from others twice a minute. A connection that is
/// silent for longer than that is dead.
constexpr std::size_t kMinRate = 1;
constexpr Duration kSilence = 90s;
constexpr std::size_t kMaxBody = std::size_t{1} << 30;
constexpr std::size_t kMaxId = 256;

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

/// Whether it can be sent in a header.
bool is_usable_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxId && std::ranges::all_of(id, [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_event_stream(const ports::HttpReply& reply) {
  auto type = reply.header("content-type");
  return iequals(trim(take_until(type, ';')), "text/event-stream");
}

bool may_pass(int status) { return status == 408 || status == 425 || status == 429 || status >= 500; }

}  // namespace

class EventStream::Sink final : public ports::BodySink {
 public:
  explicit Sink(std::shared_ptr<EventStream> stream) : stream_(std::move(stream)) {}
  Result<void> write(std::string_view bytes) override { return stream_->write(bytes); }

 private:
  const std::shared_ptr<EventStream> stream_;
};

EventStream::EventStream(ports::HttpClient& http, std::string url,
                         std::vector<std::pair<std::string, std::string>> headers, std::shared_ptr<void> slot,
                         Duration first_pause)
    : http_(http),
      url_(std::move(url)),
      headers_(std::move(headers)),
      slot_(std::move(slot)),
      first_pause_(first_pause) {}

async::Task<void> EventStream::run(std::shared_ptr<EventStream> stream, async::StopToken stop) {
  auto& self = *stream;
  for (Duration pause = self.first_pause_;;) {
    self.begin_connection();
    const auto began = std::chrono::steady_clock::now();
    const auto reply = co_await self.http_.send(self.make_request(std::make_shared<Sink>(stream), stop));
    const auto verdict = self.judge(reply, std::chrono::steady_clock::now() - began >= kSteady);
    if (verdict == Verdict::over || stop.stop_requested()) co_return;
    if (verdict == Verdict::give_up) {
      self.set_state(State::given_up);
      co_return;
    }
    if (verdict == Verdict::at_once) {
      pause = self.first_pause_;
      while (self.has_pieces()) {
        if (!co_await stop.sleep_for(20ms)) co_return;
      }
      continue;
    }
    const auto asked = reply ? std::min(retry_after(*reply), kLongestAsked) : Duration{};
    if (!co_await stop.sleep_for(std::max(pause, asked))) co_return;
    std::scoped_lock lock(self.mutex_);
    pause = self.failures_ == 0 ? self.first_pause_ : std::min(pause * 2, kLongestPause);
  }
}

void EventStream::begin_connection() {
  std::scoped_lock lock(mutex_);
  reader_ = {};
  next_.reset();
  resumed_ = !last_id_.empty();
  progressed_ = full_ = unreadable_ = false;
}

ports::HttpRequest EventStream::make_request(std::shared_ptr<Sink> sink, const async::StopToken& stop) const {
  ports::HttpRequest request;
  request.url = url_;
  request.headers = headers_;
  request.headers.emplace_back("Accept", "text/event-stream");
  request.headers.emplace_back("Cache-Control", "no-store");
  request.limit = {};  // as long as the prediction runs
  request.connect_limit = 10s;
  request.min_rate = kMinRate;
  request.slow_after = kSilence;
  request.max_reply = kMaxBody;
  request.sink = std::move(sink);
  request.stop = stop;
  request.reuse = true;
  std::scoped_lock lock(mutex_);
  if (resumed_) request.headers.emplace_back("Last-Event-ID", last_id_);
  return request;
}

EventStream::Verdict EventStream::judge(const Result<ports::HttpReply>& reply, bool stood) {
  std::optional<async::StopToken> waker;
  Verdict verdict = Verdict::again;
  {
    std::scoped_lock lock(mutex_);
    if (state_ == State::ended) return Verdict::over;
    const bool answered = state_ == State::live || (reply && reply->status == 200);
    state_ = State::silent;
    if (full_) {
      failures_ = 0;
      verdict = Verdict::at_once;
    } else if (unreadable_) {
      verdict = Verdict::give_up;
    } else if (reply ? !may_pass(reply->status) && (reply->status != 200 || !is_event_stream(*reply))
                     : reply.error().code == ErrorCode::invalid_input || reply.error().code == ErrorCode::forbidden) {
      verdict = Verdict::give_up;
    } else {
      failures_ = progressed_ || (answered && stood) ? 0 : failures_ + 1;
      if (failures_ >= kMaxFailures) verdict = Verdict::give_up;
    }
    waker = waiting_for_this();
  }
  if (waker) waker->request_stop();
  return verdict;
}

Result<void> EventStream::write(std::string_view bytes) {
  std::optional<async::StopToken> waker;
  Result<void> taken;
  {
    std::scoped_lock lock(mutex_);
    if (state_ == State::silent) state_ = State::live;
    for (auto& event : reader_.feed(bytes)) {
      if (taken = take_event(event); !taken) break;
    }
    if (taken && reader_.unfinished() > kMaxEvent) {
      unreadable_ = true;
      taken = fail(ErrorCode::too_large, "an event of the stream is too long");
    }
    waker = waiting_for_this();
  }
  if (waker) waker->request_stop();
  return taken;
}

Result<void> EventStream::take_event(SseEvent& event) {
  if (state_ == State::ended) return {};
  if (event.name == "output") return take_output(event);
  // An error is followed by `done`, but whatever it is, there is no more text.
  if (event.name == "done" || event.name == "error") state_ = State::ended;
  return {};
}

Result<void> EventStream::take_output(SseEvent& event) {
  const auto id = hash_of(event.id);
  if (!next_) {
    // Where a new connection goes on is for the upstream to say. Without an id, and after one that it does not know, it
    // begins anew.
    const auto known = std::ranges::find(ids_, id);
    if (!resumed_) {
      next_ = 0;
    } else if (!event.id.empty() && known != ids_.end()) {
      next_ = static_cast<std::size_t>(known - ids_.begin());
    } else if (hash_of(event.data) == first_text_) {
      // It looks like the beginning under another id. Asked for everything, it says so.
      last_id_.clear();
      return fail(ErrorCode::upstream, "the stream may have begun anew");
    } else {
      next_ = ids_.size();
    }
  }
  const auto place = (*next_)++;
  if (place < ids_.size()) return {};
  const auto size = event.data.size() + sizeof(StreamPiece);
  if (!queue_.empty() && queued_ + size > kMaxQueued) {
    full_ = true;
    return fail(ErrorCode::canceled, "too much of the stream waits to be taken");
  }
  if (total_ + size > kMaxText || !is_utf8(event.data)) {
    unreadable_ = true;
    return fail(ErrorCode::upstream, "the stream is too long, or not UTF-8");
  }
  if (ids_.empty()) first_text_ = hash_of(event.data);
  ids_.push_back(id);
  last_id_ = is_usable_id(event.id) ? event.id : std::string();
  queued_ += size;
  total_ += size;
  queue_.push_back({place, std::move(event.data)});
  progressed_ = true;
  return {};
}

std::vector<StreamPiece> EventStream::take() {
  std::scoped_lock lock(mutex_);
  std::vector<StreamPiece> taken(std::move_iterator(queue_.begin()), std::move_iterator(queue_.end()));
  queue_.clear();
  queued_ = 0;
  return taken;
}

bool EventStream::has_pieces() const {
  std::scoped_lock lock(mutex_);
  return !queue_.empty();
}

EventStream::State EventStream::state() const {
  std::scoped_lock lock(mutex_);
  return state_;
}

void EventStream::set_state(State state) {
  std::optional<async::StopToken> waker;
  {
    std::scoped_lock lock(mutex_);
    state_ = state;
    waker = waiting_for_this();
  }
  if (waker) waker->request_stop();
}

void EventStream::wake(async::StopToken token, State seen, bool for_pieces) {
  std::optional<async::StopToken> waker;
  {
    std::scoped_lock lock(mutex_);
    waker_ = std::move(token);
    seen_ = seen;
    wants_pieces_ = for_pieces;
    waker = waiting_for_this();
  }
  if (waker) waker->request_stop();
}

std::optional<async::StopToken> EventStream::waiting_for_this() {
  const bool due = state_ != seen_ || (wants_pieces_ && !queue_.empty());
  return due ? std::exchange(waker_, std::nullopt) : std::nullopt;
}

}  // namespace hekto::runners::replicate
