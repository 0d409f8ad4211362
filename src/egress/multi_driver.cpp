// SPDX-License-Identifier: Apache-2.0
#include "egress/multi_driver.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace hekto::egress {
namespace {

constexpr int kEventsAtOnce = 64;
/// However long libcurl's timers are, which never are: a round now and then does no harm.
constexpr std::chrono::milliseconds kLongestWait = std::chrono::minutes(1);

/// An error is found by reading or writing, which tells what it is.
int actions_of(std::uint32_t events) {
  int actions = 0;
  if ((events & (EPOLLIN | EPOLLPRI | EPOLLHUP | EPOLLERR)) != 0) actions |= CURL_CSELECT_IN;
  if ((events & (EPOLLOUT | EPOLLERR)) != 0) actions |= CURL_CSELECT_OUT;
  return actions;
}

}  // namespace

MultiDriver::MultiDriver(CURLM* multi)
    : multi_(multi), epoll_(::epoll_create1(EPOLL_CLOEXEC)), wakeups_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wakeups_;
  if (epoll_ < 0 || wakeups_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeups_, &event) != 0) {
    if (epoll_ >= 0) ::close(epoll_);
    if (wakeups_ >= 0) ::close(wakeups_);
    throw std::runtime_error("the system gives no descriptors to wait for sockets with");
  }
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

MultiDriver::~MultiDriver() {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, nullptr);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
  ::close(wakeups_);
  ::close(epoll_);
}

void MultiDriver::wake() {
  const std::uint64_t one = 1;
  // Fails only when so many wakeups are counted already that one is certain.
  [[maybe_unused]] const auto written = ::write(wakeups_, &one, sizeof(one));
}

void MultiDriver::drive() {
  std::array<epoll_event, kEventsAtOnce> events{};
  const int count = ::epoll_wait(epoll_, events.data(), kEventsAtOnce, millis_left());
  int running = 0;
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == wakeups_) {
      std::uint64_t wakeups = 0;
      [[maybe_unused]] const auto bytes = ::read(wakeups_, &wakeups, sizeof(wakeups));
    } else {
      curl_multi_socket_action(multi_, event.data.fd, actions_of(event.events), &running);
    }
  }
  if (due_ && Clock::now() >= *due_) {
    due_.reset();
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

/// Rounded up: before its time, libcurl would find nothing to do.
int MultiDriver::millis_left() const {
  if (!due_) return static_cast<int>(kLongestWait.count());
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due_ - Clock::now());
  return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kLongestWait).count());
}

/// `known` is what was assigned to the socket: whether it is watched already.
int MultiDriver::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
  auto& driver = *static_cast<MultiDriver*>(self);
  if (what == CURL_POLL_REMOVE) {
    // One that was closed already has left by itself.
    ::epoll_ctl(driver.epoll_, EPOLL_CTL_DEL, socket, nullptr);
    curl_multi_assign(driver.multi_, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.data.fd = socket;
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  const int first = known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  int failed = ::epoll_ctl(driver.epoll_, first, socket, &event);
  // The number of a socket may have passed on to another one unnoticed.
  if (failed != 0 && errno == ENOENT) failed = ::epoll_ctl(driver.epoll_, EPOLL_CTL_ADD, socket, &event);
  if (failed != 0 && errno == EEXIST) failed = ::epoll_ctl(driver.epoll_, EPOLL_CTL_MOD, socket, &event);
  if (failed != 0) return -1;
  curl_multi_assign(driver.multi_, socket, self);
  return 0;
}

int MultiDriver::on_timer(CURLM*, long millis, void* self) {
  auto& due = static_cast<MultiDriver*>(self)->due_;
  if (millis < 0) {
    due.reset();
  } else {
    due = Clock::now() + std::chrono::milliseconds(millis);
  }
  return 0;
}

}  // namespace hekto::egress
