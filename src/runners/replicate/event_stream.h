// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/stop.h"
#include "async/task.h"
#include "base/error.h"
#include "base/sse.h"
#include "base/time.h"
#include "ports/http_client.h"

namespace hekto::runners::replicate {

/// Text of an event stream.
struct StreamPiece {
  std::size_t index = 0;  ///< its place in the stream, counted from the stream's beginning
  std::string text;
};

/// Reads the event stream of one prediction at an upstream: keeps what came until it is taken, and goes on with
/// Last-Event-ID where a connection broke. Nothing is given twice, whatever the upstream sends again. When the stream
/// cannot be read it is given up, and whoever follows the prediction goes on by asking for it. Any thread.
class EventStream {
 public:
  /// Bytes of text that wait to be taken. When more come the connection is ended, and taken up again once all is taken.
  static constexpr std::size_t kMaxQueued = 256 << 10;
  /// Bytes of one event, and of all text of a stream. The stream is given up beyond.
  static constexpr std::size_t kMaxEvent = 1 << 20;
  static constexpr std::size_t kMaxText = 16 << 20;
  /// Connections in a row that failed, or ended at once, without anything new. Then the stream is given up.
  static constexpr int kMaxFailures = 5;

  enum class State {
    silent,    ///< no connection that brings anything
    live,      ///< something came over the connection that there is
    ended,     ///< the upstream said that this was all
    given_up,  ///< it cannot be read
  };

  /// `headers` go along with each request. `http` outlives run(). `slot` is let go with this. `first_pause` is waited
  /// before the first attempt after a failure, twice as long before the next.
  EventStream(ports::HttpClient& http, std::string url, std::vector<std::pair<std::string, std::string>> headers,
              std::shared_ptr<void> slot = nullptr, Duration first_pause = std::chrono::milliseconds(250));

  /// Reads `stream` until the end, `stop`, or until it is given up. Call once.
  static async::Task<void> run(std::shared_ptr<EventStream> stream, async::StopToken stop);

  /// What came and was not taken yet, in order.
  std::vector<StreamPiece> take();
  bool has_pieces() const;
  State state() const;
  /// Asks for a stop of `token` as soon as the state is not `seen`, or, if `for_pieces`, there is something to take; at
  /// once when that is so already. The last call counts.
  void wake(async::StopToken token, State seen, bool for_pieces);

 private:
  class Sink;
  enum class Verdict { again, at_once, give_up, over };

  void begin_connection();
  ports::HttpRequest make_request(std::shared_ptr<Sink> sink, const async::StopToken& stop) const;
  Result<void> write(std::string_view bytes);
  Verdict judge(const Result<ports::HttpReply>& reply, bool stood);
  void set_state(State state);
  // With mutex_ held:
  Result<void> take_event(SseEvent& event);
  Result<void> take_output(SseEvent& event);
  std::optional<async::StopToken> waiting_for_this();

  ports::HttpClient& http_;
  const std::string url_;
  const std::vector<std::pair<std::string, std::string>> headers_;
  const std::shared_ptr<void> slot_;
  const Duration first_pause_;

  mutable std::mutex mutex_;  // guards everything below
  std::deque<StreamPiece> queue_;
  std::size_t queued_ = 0;  // bytes that queue_ takes
  State state_ = State::silent;
  // Of the stream:
  std::vector<std::uint64_t> ids_;  // hash of each piece's id: its index is its place
  std::uint64_t first_text_ = 0;    // hash of the first piece's text
  std::string last_id_;             // of the newest piece, for Last-Event-ID; empty: start from the beginning
  std::size_t total_ = 0;           // bytes of all pieces, and of what is kept of each
  int failures_ = 0;
  // Of the connection:
  SseReader reader_;
  std::optional<std::size_t> next_;  // place of the next piece; nullopt before the first
  bool resumed_ = false;             // Last-Event-ID was sent
  bool progressed_ = false;          // it brought a piece that is new
  bool full_ = false;                // it was ended because nobody took what came
  bool unreadable_ = false;          // it was ended for what it brought
  // Of who waits:
  std::optional<async::StopToken> waker_;
  State seen_ = State::silent;
  bool wants_pieces_ = false;
};

}  // namespace hekto::runners::replicate
