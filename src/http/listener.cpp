// SPDX-License-Identifier: Apache-2.0
#include "http/listener.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/log.h"

namespace hekto::http {

namespace {

constexpr int kBacklog = 4096;
constexpr std::chrono::milliseconds kPause{100};

std::unexpected<Error> bind_failure(const std::string& where, int error) {
  const auto code = error == EADDRNOTAVAIL ? ErrorCode::invalid_input : ErrorCode::unavailable;
  return fail(code, "cannot listen on " + where + ": " + std::strerror(error));
}

Result<Bound> bind_ip(const ListenerOptions& options) {
  const std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
  sockaddr_storage address{};
  socklen_t size = 0;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(options.port);
    size = sizeof(sockaddr_in);
  } else if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(options.port);
    size = sizeof(sockaddr_in6);
  } else {
    return fail(ErrorCode::invalid_input, "'" + options.host + "' is no IP address to listen on");
  }
  const std::string where =
      (address.ss_family == AF_INET6 ? "[" + host + "]" : host) + ":" + std::to_string(options.port);
  Descriptor socket(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return bind_failure(where, errno);
  const int on = 1;
  const int off = 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ss_family == AF_INET6) {
    // "::" serves IPv4 too, whatever the system's default is.
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(socket.get(), kBacklog) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return bind_failure(where, errno);
  }
  const auto port = ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
  return Bound{std::move(socket), port};
}

Result<Bound> bind_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::invalid_input, "the socket path " + path + " is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return bind_failure(path, errno);
  struct stat present{};
  if (::lstat(path.c_str(), &present) == 0) {
    if (!S_ISSOCK(present.st_mode)) return bind_failure(path, EEXIST);
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // Only a refused connection proves that nobody listens there any more.
    if (::connect(probe.get(), generic, sizeof address) == 0 || errno != ECONNREFUSED) {
      return bind_failure(path, EADDRINUSE);
    }
    ::unlink(path.c_str());
  }
  // Before bind, so that the socket is at no moment open to others.
  ::fchmod(socket.get(), S_IRUSR | S_IWUSR);
  if (::bind(socket.get(), generic, sizeof address) != 0) return bind_failure(path, errno);
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    return bind_failure(path, errno);
  }
  return Bound{std::move(socket), 0};
}

bool is_exhaustion(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

}  // namespace

Result<Bound> bind_listener(const ListenerOptions& options) {
  return options.unix_path.empty() ? bind_ip(options) : bind_unix(options.unix_path);
}

Listener::Listener(std::shared_ptr<Core> core, std::vector<std::shared_ptr<Loop>> loops, async::Executor executor,
                   Descriptor socket)
    : core_(std::move(core)),
      loops_(std::move(loops)),
      executor_(executor),
      socket_(executor, socket.get()),
      pause_(executor) {
  socket.release();
}

void Listener::start() {
  boost::asio::co_spawn(executor_, run(), [self = shared_from_this()](const std::exception_ptr&) {
    std::scoped_lock lock(self->core_->mutex);
    self->core_->accepting = false;
    self->core_->changed.notify_all();
  });
}

void Listener::stop() {
  boost::asio::post(executor_, [self = shared_from_this()] {
    self->stopping_ = true;
    boost::system::error_code ignored;
    self->socket_.cancel(ignored);
    self->pause_.cancel();
  });
}

async::Task<void> Listener::run() {
  boost::system::error_code error;
  while (!stopping_) {
    co_await socket_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                                boost::asio::redirect_error(async::use_task, error));
    if (accept_all()) continue;
    // Connections that end give descriptors back; until then the kernel's queue holds the newcomers.
    log::warn("accepting pauses: out of descriptors or memory");
    if (stopping_) break;
    pause_.expires_after(kPause);
    co_await pause_.async_wait(boost::asio::redirect_error(async::use_task, error));
  }
  accept_all();
  socket_.close(error);
}

bool Listener::accept_all() {
  for (;;) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    Descriptor socket(
        ::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return !is_exhaustion(errno);
    }
    if (address.ss_family != AF_UNIX) {
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    Peer peer = peer_of(address, core_->trusted);
    if (auto seat = Seat::take(core_, peer)) deal(std::move(socket), std::move(peer), std::move(*seat));
  }
}

void Listener::deal(Descriptor socket, Peer peer, Seat seat) {
  const auto& loop = loops_[next_++ % loops_.size()];
  // Posted even to our own thread: the burst is taken from the kernel first, then served.
  boost::asio::post(loop->executor(),
                    [loop, socket = std::move(socket), peer = std::move(peer), seat = std::move(seat)]() mutable {
                      loop->adopt(std::move(socket), std::move(peer), std::move(seat));
                    });
}

}  // namespace hekto::http
