// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/live_text.h"

#include "base/log.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using State = EventStream::State;

/// A stream may end a moment before the prediction is shown as ended. Beyond so many looks the usual ones do.
constexpr int kLooksAtEnd = 4;

/// Empty: it does not say.
std::string kind_of(const Snapshot& snapshot) {
  return snapshot.model.empty() || snapshot.version.empty() ? std::string() : snapshot.model + ":" + snapshot.version;
}

Result<LiveNews> live_news(Result<News> news) {
  if (!news) return std::unexpected(std::move(news.error()));
  return std::visit([](auto& what) { return LiveNews(std::move(what)); }, *news);
}

}  // namespace

std::shared_ptr<EventStream> EventStreams::open(async::Executor executor, const AccountPtr& account,
                                                const std::string& url, async::StopToken stop) {
  const auto& options = account->upstream->options;
  if (url.empty() || is_file_stream(url) || !is_stream_url(options, url)) return nullptr;
  {
    std::scoped_lock lock(open_->mutex);
    auto& count = open_->by_upstream[options.name];
    if (count >= options.streams) return nullptr;
    ++count;
  }
  std::shared_ptr<void> slot(nullptr, [open = open_, name = options.name](void*) {
    std::scoped_lock lock(open->mutex);
    --open->by_upstream[name];
  });
  // A stream's URL carries its own secret. The token goes to no other origin than the upstream's.
  std::vector<std::pair<std::string, std::string>> headers;
  if (origin_of(url) == origin_of(options.url)) {
    headers.emplace_back("Authorization", "Bearer " + account->options.token.reveal());
  }
  auto stream = std::make_shared<EventStream>(http_, url, std::move(headers), std::move(slot));
  return scope_.spawn(executor, EventStream::run(stream, std::move(stop))) ? stream : nullptr;
}

std::size_t EventStreams::size() const {
  std::scoped_lock lock(open_->mutex);
  std::size_t all = 0;
  for (const auto& [name, count] : open_->by_upstream) all += count;
  return all;
}

bool EventStreams::gives_list(const Snapshot& snapshot) const {
  std::scoped_lock lock(mutex_);
  return lists_.contains(kind_of(snapshot));
}

void EventStreams::note_list(const Snapshot& snapshot) {
  auto kind = kind_of(snapshot);
  if (kind.empty()) return;
  std::scoped_lock lock(mutex_);
  // However many there are: forgetting all costs a moment of each, once.
  if (lists_.size() >= kModels) lists_.clear();
  lists_.insert(std::move(kind));
}

LiveText::LiveText(EventStreams& streams, Follower& follower, Follower::FollowedPtr followed, AccountPtr account,
                   std::string remote_id, Progress& progress, bool tried)
    : streams_(streams),
      follower_(follower),
      followed_(std::move(followed)),
      account_(std::move(account)),
      remote_id_(std::move(remote_id)),
      progress_(progress),
      tried_(tried),
      looks_left_(kLooksAtEnd) {}

LiveText::~LiveText() {
  if (stop_) stop_->request_stop();
}

async::Task<void> LiveText::see(const Snapshot& snapshot) {
  look_due_ = state_ == State::ended;
  if (tried_ && stream_ == nullptr) co_return;
  if (progress_.is_list()) {
    streams_.note_list(snapshot);
  } else if (streams_.gives_list(snapshot)) {
    progress_.expect_list();
  }
  if (tried_ || snapshot.stream_url.empty() || progress_.ended() || progress_.refuses_pieces()) co_return;
  tried_ = true;
  const async::Executor executor = co_await boost::asio::this_coro::executor;
  stop_.emplace();
  stream_ = streams_.open(executor, account_, snapshot.stream_url, *stop_);
}

async::Task<Result<LiveNews>> LiveText::next(async::StopToken stop) {
  while (!stop.stop_requested()) {
    look_at_stream();
    if (stream_ == nullptr) co_return live_news(co_await follower_.next(followed_, stop, true));
    const bool takes = progress_.takes_pieces();
    if (takes) {
      if (auto pieces = stream_->take(); !pieces.empty()) co_return LiveNews(std::move(pieces));
    }
    // The follower keeps what it learns while nobody waits.
    async::StopToken woken;
    const async::StopCallback on_stop(stop, [woken]() mutable { woken.request_stop(); });
    stream_->wake(woken, state_, takes || !first_asked_);
    auto news = co_await follower_.next(followed_, woken);
    if (news) co_return live_news(std::move(news));
  }
  co_return fail(ErrorCode::canceled, "stopped");
}

void LiveText::look_at_stream() {
  if (stream_ == nullptr) return;
  const auto state = stream_->state();
  if (progress_.refuses_pieces() || state == State::given_up) {
    log::debug("an event stream is left alone; its prediction is asked for instead",
               {{"upstream", account_->upstream->options.name}, {"readable", state != State::given_up}});
    close();
    return;
  }
  if (state != std::exchange(state_, state)) {
    follower_.relax(followed_, state == State::live);
    look_due_ = state == State::ended;
  }
  // Nothing of the stream is shown before a state tells that it runs, and that its output is a list.
  if (!first_asked_ && stream_->has_pieces()) {
    first_asked_ = true;
    if (!progress_.takes_pieces()) follower_.hurry(remote_id_);
  }
  if (std::exchange(look_due_, false) && looks_left_ > 0) {
    --looks_left_;
    follower_.hurry(remote_id_);
  }
}

void LiveText::close() {
  stop_->request_stop();
  stream_.reset();
  follower_.relax(followed_, false);
}

}  // namespace hekto::runners::replicate
