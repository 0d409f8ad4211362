// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "async/stop.h"
#include "async/task_scope.h"
#include "ports/http_client.h"
#include "runners/replicate/account_pool.h"
#include "runners/replicate/event_stream.h"
#include "runners/replicate/follower.h"
#include "runners/replicate/progress.h"

namespace hekto::runners::replicate {

/// The event streams that are read at the upstreams of a relay, and what was learnt of them. Any thread.
class EventStreams {
 public:
  /// Both outlive this, and the streams that it opens.
  EventStreams(ports::HttpClient& http, async::TaskScope& scope) : http_(http), scope_(scope) {}

  /// Begins to read the stream of text behind `url` until `stop`. nullptr when there is none to be read: it carries
  /// files, lies where it must not be asked for, or so many of the upstream are read as may be.
  std::shared_ptr<EventStream> open(async::Executor executor, const AccountPtr& account, const std::string& url,
                                    async::StopToken stop);
  /// Streams that are being read.
  std::size_t size() const;

  /// Whether predictions of this model and version have a list as their output, as far as was seen.
  bool gives_list(const Snapshot& snapshot) const;
  void note_list(const Snapshot& snapshot);

 private:
  struct Open {
    mutable std::mutex mutex;
    std::unordered_map<std::string, std::size_t> by_upstream;  // guarded by mutex
  };
  static constexpr std::size_t kModels = 1'000;

  ports::HttpClient& http_;
  async::TaskScope& scope_;
  const std::shared_ptr<Open> open_ = std::make_shared<Open>();
  mutable std::mutex mutex_;
  std::unordered_set<std::string> lists_;  // guarded by mutex_
};

/// What is new of a prediction that is followed: a state, or pieces of its stream. Quiet: nothing is, and no stream of
/// it is read.
using LiveNews = std::variant<Snapshot, Gone, Quiet, std::vector<StreamPiece>>;

/// Follows one prediction on both ways: by asking for it, and by its event stream while that can be read. On the
/// thread of its run.
class LiveText {
 public:
  /// All outlive this. `followed` is followed by `follower`. `tried`: an earlier run has tried to read its stream.
  LiveText(EventStreams& streams, Follower& follower, Follower::FollowedPtr followed, AccountPtr account,
           std::string remote_id, Progress& progress, bool tried = false);
  ~LiveText();
  LiveText(const LiveText&) = delete;
  LiveText& operator=(const LiveText&) = delete;

  /// A state that was delivered: opens its stream when it has one, once.
  async::Task<void> see(const Snapshot& snapshot);
  /// As Follower::next. Pieces come as soon as they are there and `progress` takes them. The stream's end makes the
  /// follower look at once.
  async::Task<Result<LiveNews>> next(async::StopToken stop);
  bool tried() const { return tried_; }

 private:
  void look_at_stream();
  void close();

  EventStreams& streams_;
  Follower& follower_;
  const Follower::FollowedPtr followed_;
  const AccountPtr account_;
  const std::string remote_id_;
  Progress& progress_;
  std::shared_ptr<EventStream> stream_;
  std::optional<async::StopToken> stop_;                   // of the stream, when there was one
  EventStream::State state_ = EventStream::State::silent;  // as it was seen last
  bool tried_;                                             // to open it
  bool first_asked_ = false;                               // a look was asked for because something came
  int looks_left_;                                         // at once, after the stream's end
  bool look_due_ = false;
};

}  // namespace hekto::runners::replicate
