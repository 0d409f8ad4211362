// SPDX-License-Identifier: Apache-2.0
#include "http/loop.h"

#include <algorithm>
#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/intrusive/list.hpp>

#include "base/log.h"
#include "base/random.h"
#include "http/render.h"
#include "http/session.h"

namespace hekto::http {

struct Loop::Sessions {
  boost::intrusive::list<Session, boost::intrusive::constant_time_size<false>> list;
};

namespace {

constexpr std::size_t kKeptFirstBytes = 256;

/// A tenth of the shortest limit, so that none is overstepped by much, within reason.
Clock::duration sweep_interval(const Limits& limits) {
  const auto shortest = std::min({limits.head_timeout, limits.idle_timeout, limits.body_grace, limits.write_timeout});
  return std::clamp<Clock::duration>(shortest / 10, std::chrono::milliseconds(10), std::chrono::milliseconds(500));
}

void log_fault(const std::exception_ptr& fault) {
  try {
    std::rethrow_exception(fault);
  } catch (const std::exception& e) {
    log::error("connection ended by an exception", {{"what", e.what()}});
  } catch (...) {
    log::error("connection ended by an exception");
  }
}

}  // namespace

Loop::Loop(std::shared_ptr<Core> core, async::Executor executor)
    : core_(std::move(core)),
      executor_(executor),
      timer_(executor),
      interval_(sweep_interval(core_->limits)),
      sessions_(std::make_unique<Sessions>()) {
  random_bytes(std::as_writable_bytes(std::span(id_state_)));
}

Loop::~Loop() = default;

void Loop::adopt(Descriptor socket, Peer peer, Seat seat) {
  try {
    auto session = std::make_unique<Session>(shared_from_this(), std::move(socket), std::move(peer), std::move(seat));
    enlist(*session);
    async::Task<void> run = session->run();
    // The completion handler owns the session, whichever way the coroutine ends.
    boost::asio::co_spawn(executor_, std::move(run), [owner = std::move(session)](const std::exception_ptr& fault) {
      if (fault) log_fault(fault);
    });
  } catch (...) {
    // Out of memory or of epoll watches: this connection is lost, the thread goes on.
    log_fault(std::current_exception());
  }
}

std::unique_ptr<FirstBytes> Loop::take_first_bytes() {
  if (first_bytes_.empty()) return std::make_unique_for_overwrite<FirstBytes>();
  auto bytes = std::move(first_bytes_.back());
  first_bytes_.pop_back();
  return bytes;
}

void Loop::give_back(std::unique_ptr<FirstBytes> bytes) {
  if (first_bytes_.size() < kKeptFirstBytes) first_bytes_.push_back(std::move(bytes));
}

void Loop::enlist(Session& session) {
  sessions_->list.push_back(session);
  arm();
}

void Loop::arm() {
  // Not armed while there is nobody to watch: an idle server does not wake.
  if (armed_ || sessions_->list.empty()) return;
  armed_ = true;
  timer_.expires_after(interval_);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code) {
    self->armed_ = false;
    self->sweep();
    self->arm();
  });
}

void Loop::sweep() {
  const auto now = Clock::now();
  for (Session& session : sessions_->list) session.sweep(now);
}

void Loop::drain() {
  for (Session& session : sessions_->list) session.drain();
}

void Loop::cut() {
  for (Session& session : sessions_->list) session.cut();
  // The handler looks again and stops when nobody is left, which lets the thread run out of work.
  timer_.cancel();
}

std::string_view Loop::date() {
  const auto second = static_cast<std::int64_t>(std::time(nullptr));
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(second);
  }
  return date_;
}

void Loop::make_request_id(std::string& out) {
  static constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  // splitmix64, twice a request.
  auto next = [this](std::size_t i) {
    std::uint64_t z = (id_state_[i] += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  };
  out.resize(26);
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t bits = next(half);
    for (std::size_t i = 0; i < 13; ++i, bits >>= 5) out[half * 13 + i] = kAlphabet[bits & 31];
  }
}

}  // namespace hekto::http
