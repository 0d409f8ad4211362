// SPDX-License-Identifier: Apache-2.0
#include "http/transport.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace hekto::http {

namespace {

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

/// Keeps SIGPIPE from this thread while alive, and swallows one that was raised meanwhile: sendfile has no
/// MSG_NOSIGNAL, and how the process treats signals is not a library's to change.
class WithoutPipeSignal {
 public:
  WithoutPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutPipeSignal() {
    if (sigismember(&before_, SIGPIPE) == 1) return;
    if (raised_) {
      const timespec now{};
      sigtimedwait(&pipe_, nullptr, &now);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutPipeSignal(const WithoutPipeSignal&) = delete;
  WithoutPipeSignal& operator=(const WithoutPipeSignal&) = delete;
  void raised() { raised_ = true; }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool raised_ = false;
};

}  // namespace

Transport::Transport(int fd, const TlsContext* tls)
    : fd_(fd), tls_(tls != nullptr ? std::make_unique<TlsStream>(*tls, fd) : nullptr) {}

IoResult Transport::read(std::span<char> into) {
  if (tls_) return tls_->read(into);
  const auto got = ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT);
  if (got > 0) return {Io::done, static_cast<std::size_t>(got)};
  return {got < 0 && would_block() ? Io::want_read : Io::closed};
}

IoResult Transport::write(std::span<const std::string_view> parts) {
  if (tls_) {
    const auto part = std::ranges::find_if(parts, [](std::string_view p) { return !p.empty(); });
    return part == parts.end() ? IoResult{Io::done} : tls_->write(*part);
  }
  std::array<iovec, 4> vectors;
  msghdr message{};
  message.msg_iov = vectors.data();
  for (const std::string_view part : parts.first(std::min(parts.size(), vectors.size()))) {
    if (!part.empty()) vectors[message.msg_iovlen++] = {const_cast<char*>(part.data()), part.size()};
  }
  if (message.msg_iovlen == 0) return {Io::done};
  const auto sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return {Io::done, static_cast<std::size_t>(sent)};
  return {would_block() ? Io::want_write : Io::closed};
}

IoResult Transport::send_file(int file, std::uint64_t& offset, std::uint64_t length) {
  // A bounded piece at a time: a fast client must not keep the thread from its other connections.
  constexpr std::uint64_t kMost = 1 << 20;
  WithoutPipeSignal quiet;
  auto position = static_cast<off_t>(offset);
  const auto sent = ::sendfile(fd_, file, &position, static_cast<std::size_t>(std::min(length, kMost)));
  if (sent >= 0) {
    offset = static_cast<std::uint64_t>(position);
    return {Io::done, static_cast<std::size_t>(sent)};
  }
  if (errno == EPIPE) quiet.raised();
  return {would_block() ? Io::want_write : Io::closed};
}

bool Transport::readable() const {
  char byte = 0;
  return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

IoResult Transport::discard() {
  std::array<char, 4096> unwanted;
  const auto got = ::recv(fd_, unwanted.data(), unwanted.size(), MSG_DONTWAIT);
  if (got > 0) return {Io::done, static_cast<std::size_t>(got)};
  return {got < 0 && would_block() ? Io::want_read : Io::closed};
}

void Transport::shutdown_both() { ::shutdown(fd_, SHUT_RDWR); }

void Transport::reset_on_close() {
  const linger reset{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void Transport::shutdown_send() {
  if (tls_) tls_->close_notify();
  ::shutdown(fd_, SHUT_WR);
}

}  // namespace hekto::http
