// SPDX-License-Identifier: Apache-2.0
#include "http/session.h"

#include <exception>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"

namespace hekto::http {

namespace {

/// A connection that has not spoken yet when the server drains gets this long to do so.
constexpr std::chrono::seconds kFirstRequestGrace{1};

constexpr std::size_t kMaxSkippedBody = 64 * 1024;
/// Most clients write their whole body before they read an answer. Who was let in gets to see why it was too large.
constexpr std::size_t kMaxDrainedBody = 256 * 1024 * 1024;

}  // namespace

Session::Session(std::shared_ptr<Loop> loop, Descriptor socket, Peer peer, Seat seat)
    : loop_(std::move(loop)),
      seat_(std::move(seat)),
      peer_(std::move(peer)),
      transport_(socket.get(), loop_->core().tls ? &*loop_->core().tls : nullptr),
      socket_(loop_->executor(), boost::asio::generic::stream_protocol(AF_INET, 0), socket.get()) {
  socket.release();
}

void Session::enter(Phase phase, Clock::time_point deadline) {
  phase_ = phase;
  deadline_ = deadline;
  expired_ = false;
}

void Session::sweep(Clock::time_point now) {
  if (now < deadline_) return;
  expired_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Session::drain() {
  if (phase_ != Phase::idle) return;
  if (!served_) {
    deadline_ = std::min(deadline_, accepted_at_ + kFirstRequestGrace);
    return;
  }
  // A request that has arrived is answered; only silence is cut short.
  if (transport_.readable()) return;
  closing_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Session::cut() {
  cut_ = true;
  transport_.shutdown_both();
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

async::Task<bool> Session::wait(Io direction) {
  boost::system::error_code error;
  const auto event =
      direction == Io::want_write ? boost::asio::socket_base::wait_write : boost::asio::socket_base::wait_read;
  co_await socket_.async_wait(event, boost::asio::redirect_error(async::use_task, error));
  co_return !error && !expired_ && !cut_;
}

async::Task<bool> Session::handshake() {
  enter(Phase::handshake, Clock::now() + core().limits.head_timeout);
  for (;;) {
    const IoResult result = transport_.handshake();
    if (result.state == Io::done) co_return true;
    if (result.state == Io::closed || !co_await wait(result.state)) co_return false;
  }
}

async::Task<void> Session::run() {
  if (seat_.kind() == Seat::Kind::refused) {
    co_await turn_away();
    co_return;
  }
  if (transport_.secure() && !co_await handshake()) co_return;
  After after = After::next;
  while (after == After::next && !cut_) {
    if (!transport_.pending()) {
      const bool draining = core().draining.load();
      if (draining && served_ && !transport_.readable()) break;
      const std::chrono::milliseconds patience = draining ? kFirstRequestGrace : core().limits.idle_timeout;
      enter(Phase::idle, (served_ ? answered_at_ : accepted_at_) + patience);
      // Waited for right here, not in a coroutine of its own: an idle connection pays for every frame. A receive costs
      // one system call a request less than a wait followed by a read, as it leaves the socket's registration alone.
      boost::system::error_code error;
      std::size_t arrived = 0;
      if (transport_.secure()) {
        co_await socket_.async_wait(boost::asio::socket_base::wait_read,
                                    boost::asio::redirect_error(async::use_task, error));
      } else {
        first_bytes_ = loop_->take_first_bytes();
        arrived = co_await socket_.async_receive(boost::asio::buffer(*first_bytes_),
                                                 boost::asio::redirect_error(async::use_task, error));
      }
      if (arrived == 0 && (cut_ || ((error || expired_ || closing_) && !transport_.readable()))) break;
      closing_ = false;
      work_ = loop_->take_workspace();
      if (first_bytes_) {
        work_->in.assign({first_bytes_->data(), arrived});
        loop_->give_back(std::move(first_bytes_));
      }
    } else {
      work_ = loop_->take_workspace();
    }
    after = co_await serve();
    loop_->give_back(std::move(work_));
  }
  if (after == After::linger) co_await linger();
}

async::Task<Session::After> Session::serve() {
  Workspace& work = *work_;
  const HeadLimits limits = core().head_limits();
  for (bool woken = true;; woken = false) {
    switch (work.scanner.scan(work.in.view(), limits)) {
      case HeadScanner::State::complete: {
        const After after = co_await exchange();
        if (after != After::next) co_return after;
        continue;
      }
      case HeadScanner::State::refused:
        co_return co_await refuse(work.scanner.refusal(), nullptr, Clock::now());
      case HeadScanner::State::incomplete:
        break;
    }
    // Reading on without cause would cost every request a system call that finds nothing.
    if (work.in.empty() && !woken && !transport_.pending()) co_return After::next;
    if (!work.in.empty() && phase_ != Phase::head) enter(Phase::head, Clock::now() + core().limits.head_timeout);
    if (!work.in.make_room(limits.head_bytes)) {
      co_return co_await refuse({431, "The request headers are too large."}, nullptr, Clock::now());
    }
    const IoResult result = transport_.read(work.in.space());
    if (result.state == Io::done) {
      work.in.commit(result.bytes);
    } else if (result.state == Io::closed) {
      co_return After::lost;
    } else if (work.in.empty() && result.state == Io::want_read) {
      co_return After::next;
    } else if (!co_await wait(result.state)) {
      if (!expired_ || cut_) co_return After::lost;
      co_return co_await refuse({408, "The request did not arrive in time."}, nullptr, Clock::now());
    }
  }
}

async::Task<Session::After> Session::exchange() {
  const auto started = Clock::now();
  enter(Phase::handling, Clock::time_point::max());
  Workspace& work = *work_;
  Request& request = work.request;
  const auto head = work.in.view().substr(0, work.scanner.head_bytes());
  const auto refused = parse_head(head, core().head_limits(), request, work.framing);
  identify_request();
  if (refused) co_return co_await refuse(*refused, nullptr, started);

  const Router::Match match = core().router.match(request.method, request.path, request.params);
  std::optional<Response> early = early_answer(match);
  // A body for nobody is read only to keep the connection, hence only a small one that is on its way anyhow.
  const std::size_t max_body = early ? kMaxSkippedBody : match.route->options.max_body;
  const bool skipped = early && (work.framing.content_length > max_body || work.framing.expect_continue);
  if (work.framing.has_body() && !skipped) {
    Refusal refusal{0, {}};
    if (!co_await read_body(max_body, refusal)) {
      if (refusal.status == 0) co_return After::lost;
      if (refusal.status == 413 && match.route != nullptr && !early) {
        drain_limit_ = kMaxDrainedBody;
        refusal.body = match.route->options.too_large;
      }
      co_return co_await refuse(refusal, match.route, started);
    }
    enter(Phase::handling, Clock::time_point::max());
    // A body has no meaning here (RFC 9110 9.3.1); it was read to find the next request.
    if (request.method == Method::get || request.method == Method::head) request.body = {};
  }
  if (early) {
    early->close = skipped;
    co_return co_await finish(*early, work.framing.keep_alive, match.route, started);
  }
  Response response = co_await handle(*match.route);
  if (core().abandoned.load()) co_return After::lost;
  co_return co_await finish(response, work.framing.keep_alive, match.route, started);
}

std::optional<Response> Session::early_answer(const Router::Match& match) {
  const Request& request = work_->request;
  if (match.route == nullptr) {
    if (!match.path_known) return problem(404, "The requested resource could not be found.");
    Response response = problem(405, "Method \"" + std::string(to_string(request.method)) + "\" not allowed.");
    response.set("Allow", match.allow);
    return response;
  }
  // Without a body the handler says the same itself.
  if (!match.route->options.admit || !work_->framing.has_body()) return std::nullopt;
  return match.route->options.admit(request);
}

async::Task<Response> Session::handle(const Route& route) {
  std::string what = "unknown";
  try {
    co_return co_await route.handler(work_->request);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    // Not derived from std::exception: there is nothing to say about it.
  }
  if (!core().abandoned.load()) {
    log::error("handler threw", {{"route", route.pattern}, {"request_id", work_->request.request_id}, {"what", what}});
  }
  co_return problem(500, "An internal error occurred.", "Internal server error");
}

async::Task<Session::After> Session::refuse(Refusal refusal, const Route* route, Clock::time_point started) {
  enter(Phase::writing, Clock::time_point::max());
  if (work_->request.request_id.empty()) identify_request();
  Response response = problem(refusal.status, refusal.detail);
  if (!refusal.body.empty()) response.body = std::string(refusal.body);
  co_return co_await finish(response, false, route, started);
}

async::Task<Session::After> Session::finish(Response& response, bool keep_alive, const Route* route,
                                            Clock::time_point started) {
  bool keep = keep_alive && !response.close && !core().draining.load() && !cut_;
  const bool sent = co_await respond(response, keep);
  served_ = true;
  observe(route, response.status, started);
  if (!sent || cut_) co_return After::lost;
  if (!keep) co_return After::linger;
  consume_request();
  co_return After::next;
}

void Session::identify_request() {
  Request& request = work_->request;
  if (work_->framing.request_id.empty()) {
    loop_->make_request_id(request.request_id);
  } else {
    request.request_id = work_->framing.request_id;
  }
  request.remote = peer_.text;
  request.remote_is_trusted_proxy = peer_.trusted_proxy;
  request.secure = transport_.secure();
}

void Session::consume_request() {
  Workspace& work = *work_;
  const std::size_t arrived = work.in.view().size();
  const Framing& framing = work.framing;
  const std::uint64_t whole = framing.chunked ? arrived : framing.head_bytes + framing.content_length;
  work.in.consume(static_cast<std::size_t>(std::min<std::uint64_t>(whole, arrived)));
  work.clear_request();
  if (work.carry.empty()) return;
  work.in.assign(work.carry);
  work.carry.clear();
}

}  // namespace hekto::http
