// SPDX-License-Identifier: Apache-2.0
// Reading request bodies.
#include <algorithm>

#include <boost/asio/post.hpp>

#include "http/session.h"

namespace hekto::http {

namespace {

constexpr Refusal kTooLarge{413, "The request body is too large."};
constexpr std::size_t kFirstPiece = 64 * 1024;  // memory grows with what has come, not with what was announced
constexpr std::size_t kTurn = 1024 * 1024;      // bytes read before other connections get a turn
constexpr std::size_t kChunkedRead = 16 * 1024;

}  // namespace

async::Task<bool> Session::read_body(std::size_t max_body, Refusal& refusal) {
  Workspace& work = *work_;
  const Framing& framing = work.framing;
  const std::string_view arrived = work.in.view().substr(framing.head_bytes);
  if (!framing.chunked) {
    if (framing.content_length > max_body) {
      refusal = kTooLarge;
      co_return false;
    }
    if (arrived.size() >= framing.content_length) {
      work.request.body = arrived.substr(0, static_cast<std::size_t>(framing.content_length));
      co_return true;
    }
  }
  body_started_ = Clock::now();
  if (framing.expect_continue && arrived.empty()) {
    Parts parts{"HTTP/1.1 100 Continue\r\n\r\n", {}, {}};
    if (!send_now(parts) && !co_await send_rest(parts)) co_return false;
  }
  const bool whole =
      framing.chunked ? co_await read_chunked_body(max_body, refusal) : co_await read_plain_body(refusal);
  work.request.body = work.body;
  co_return whole;
}

async::Task<bool> Session::read_plain_body(Refusal& refusal) {
  std::string& body = work_->body;
  const auto total = static_cast<std::size_t>(work_->framing.content_length);
  body.assign(work_->in.view().substr(work_->framing.head_bytes));
  std::size_t turn = 0;
  while (body.size() < total) {
    const std::size_t have = body.size();
    const std::size_t room =
        std::min(total, std::max(kFirstPiece, have >= body.capacity() ? have * 2 : body.capacity()));
    IoResult result;
    // Not the size that the library passes: it may be larger, and what follows is the next request's.
    body.resize_and_overwrite(room, [&](char* data, std::size_t) {
      result = transport_.read({data + have, room - have});
      return have + (result.state == Io::done ? result.bytes : 0);
    });
    if (result.state == Io::closed) co_return false;
    if (result.state == Io::done) {
      turn += result.bytes;
      if (turn < kTurn || body.size() == total || transport_.pending()) continue;
      result.state = Io::want_read;
    }
    turn = 0;
    if (!co_await wait_for_body(result.state, body.size(), refusal)) co_return false;
  }
  co_return true;
}

async::Task<bool> Session::read_chunked_body(std::size_t max_body, Refusal& refusal) {
  Workspace& work = *work_;
  work.chunks.start(max_body);
  std::string_view bytes = work.in.view().substr(work.framing.head_bytes);
  std::size_t received = bytes.size();
  std::size_t turn = 0;
  for (;;) {
    switch (work.chunks.feed(bytes, work.body)) {
      case ChunkDecoder::State::done:
        work.carry.assign(bytes);
        co_return true;
      case ChunkDecoder::State::malformed:
        refusal = {400, "The chunked body is malformed."};
        co_return false;
      case ChunkDecoder::State::too_large:
        refusal = kTooLarge;
        co_return false;
      case ChunkDecoder::State::more:
        break;
    }
    // The response's string is free until there is a response.
    IoResult result;
    work.out.resize_and_overwrite(kChunkedRead, [&](char* data, std::size_t) {
      result = transport_.read({data, kChunkedRead});
      return result.state == Io::done ? result.bytes : 0;
    });
    bytes = work.out;
    if (result.state == Io::closed) co_return false;
    if (result.state == Io::done) {
      received += result.bytes;
      turn += result.bytes;
      if (turn < kTurn) continue;
      // The bytes in hand are decoded first; then the other connections get a turn.
      turn = 0;
      co_await boost::asio::post(loop_->executor(), async::use_task);
      continue;
    }
    turn = 0;
    if (!co_await wait_for_body(result.state, received, refusal)) co_return false;
  }
}

async::Task<bool> Session::wait_for_body(Io direction, std::size_t received, Refusal& refusal) {
  const Limits& limits = core().limits;
  const auto earned = std::chrono::milliseconds(received * 1000 / std::max<std::size_t>(limits.body_rate, 1));
  enter(Phase::body, body_started_ + limits.body_grace + earned);
  if (co_await wait(direction)) co_return true;
  if (expired_ && !cut_) refusal = {408, "The request body did not arrive in time."};
  co_return false;
}

}  // namespace hekto::http
