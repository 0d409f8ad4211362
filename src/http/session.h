// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/intrusive/list.hpp>

#include "async/task.h"
#include "http/core.h"
#include "http/loop.h"
#include "http/transport.h"
#include "http/workspace.h"

namespace hekto::http {

/// One connection: reads requests, has them handled in order, writes the answers. One coroutine on one thread. While
/// idle it holds neither buffer nor timer: this object, a small coroutine frame and the socket are all there is.
class Session : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  Session(std::shared_ptr<Loop> loop, Descriptor socket, Peer peer, Seat seat);

  ~Session() { unlink(); }

  /// The whole life of the connection. The object must outlive it.
  async::Task<void> run();

  // Called by the loop, between steps of run().
  void sweep(Clock::time_point now);
  void drain();
  void cut();

 private:
  friend class StreamWriter;
  enum class Phase : std::uint8_t { handshake, idle, head, body, handling, writing, lingering };
  enum class After : std::uint8_t { next, close, linger, lost };  // what becomes of the connection after an answer

  // session.cpp: what comes in.
  void enter(Phase phase, Clock::time_point deadline);
  async::Task<bool> wait(Io direction);
  async::Task<bool> handshake();
  async::Task<After> serve();
  async::Task<After> exchange();
  /// What is answered without asking the route's handler: no such route, or not admitted.
  std::optional<Response> early_answer(const Router::Match& match);
  async::Task<Response> handle(const Route& route);
  async::Task<After> refuse(Refusal refusal, const Route* route, Clock::time_point started);
  async::Task<After> finish(Response& response, bool keep_alive, const Route* route, Clock::time_point started);
  void identify_request();
  void consume_request();

  // session_body.cpp. Each is false with a refusal, or with status 0 when the connection is lost.
  async::Task<bool> read_body(std::size_t max_body, Refusal& refusal);
  async::Task<bool> read_plain_body(Refusal& refusal);
  async::Task<bool> read_chunked_body(std::size_t max_body, Refusal& refusal);
  async::Task<bool> wait_for_body(Io direction, std::size_t received, Refusal& refusal);

  // session_write.cpp: what goes out.
  using Parts = std::array<std::string_view, 3>;
  async::Task<bool> respond(Response& response, bool& keep_alive);
  bool send_now(Parts& parts);
  async::Task<bool> send_rest(Parts parts);
  async::Task<bool> send_file(FileBody file);
  async::Task<bool> send_stream(const StreamBody& stream, bool chunked);
  async::Task<void> turn_away();
  async::Task<void> linger();
  void observe(const Route* route, unsigned status, Clock::time_point started);

  Core& core() { return loop_->core(); }

  std::shared_ptr<Loop> loop_;
  Seat seat_;
  Peer peer_;
  Transport transport_;
  boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, async::Executor>
      socket_;                               // owns the descriptor
  std::unique_ptr<FirstBytes> first_bytes_;  // only while idle, of a plain connection
  std::unique_ptr<Workspace> work_;          // null while idle
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point accepted_at_ = Clock::now();
  Clock::time_point answered_at_{};  // the latest answer, once served_
  Clock::time_point body_started_{};
  std::uint64_t sent_bytes_ = 0;         // of the present answer
  std::size_t drain_limit_ = 64 * 1024;  // bytes of a refused body that are thrown away before the connection closes
  Phase phase_ = Phase::idle;
  bool served_ = false;   // at least one request was answered
  bool expired_ = false;  // the sweep found the deadline passed
  bool closing_ = false;  // an idle connection is to go
  bool cut_ = false;
};

}  // namespace hekto::http
