// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace hekto::test {

/// A server that answers every request with the same bytes, and closes the connection after `rounds` of them. Port 0;
/// IPv4 and IPv6 loopback. It looks at one connection after the other.
class Receiver {
 public:
  /// `stay_open`: the connection is held until the receiver goes.
  explicit Receiver(std::string answer, bool stay_open = false, int rounds = 1)
      : answer_(std::move(answer)), stay_open_(stay_open), rounds_(rounds) {
    listener_ = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int off = 0;
    setsockopt(listener_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_addr = in6addr_any;
    socklen_t size = sizeof(any);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&any), size) != 0 || ::listen(listener_, 1024) != 0) abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size);
    port_ = ntohs(any.sin6_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Receiver() {
    closing_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    for (const int fd : held_) ::close(fd);
  }
  std::string port() const { return std::to_string(port_); }
  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + port() + path; }
  int connections() const { return connections_; }
  int requests() const { return requests_; }
  /// Connections that came to this address of the machine, such as "127.0.0.1" or "::1".
  int connections_to(const std::string& address) const {
    std::scoped_lock lock(mutex_);
    return static_cast<int>(std::ranges::count(addresses_, address));
  }
  /// What the last connection sent, once it was answered.
  std::string last_request() const {
    std::scoped_lock lock(mutex_);
    return request_;
  }

 private:
  void serve() {
    while (!closing_) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) continue;
      note_address(fd);
      ++connections_;
      for (int round = 0; round < rounds_ && read_request(fd); ++round) {
        if (!answer_.empty() && ::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0) answer_failed_ = true;
      }
      if (stay_open_) {
        held_.push_back(fd);
      } else {
        ::close(fd);
      }
    }
  }
  void note_address(int fd) {
    sockaddr_in6 local{};
    socklen_t size = sizeof(local);
    char text[INET6_ADDRSTRLEN] = {};
    getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size);
    inet_ntop(AF_INET6, &local.sin6_addr, text, sizeof(text));
    std::string address(text);
    if (address.starts_with("::ffff:")) address.erase(0, 7);
    std::scoped_lock lock(mutex_);
    addresses_.push_back(std::move(address));
  }
  /// False when nothing came.
  bool read_request(int fd) {
    std::string text;
    std::size_t wanted = std::string::npos;
    char buffer[4096];
    while (text.size() < wanted) {
      const auto got = ::recv(fd, buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
      const auto head = text.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const auto length = text.find("Content-Length: ");
      wanted = head + 4 + (length < head ? std::stoul(text.substr(length + 16)) : 0);
    }
    if (text.empty()) return false;
    ++requests_;
    std::scoped_lock lock(mutex_);
    request_ = text;
    return true;
  }

  const std::string answer_;
  const bool stay_open_;
  const int rounds_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  std::atomic<bool> closing_{false};
  std::atomic<bool> answer_failed_{false};
  mutable std::mutex mutex_;
  std::string request_;                 // guarded by mutex_
  std::vector<std::string> addresses_;  // guarded by mutex_
  std::vector<int> held_;
  std::thread thread_;
};

}  // namespace hekto::test
