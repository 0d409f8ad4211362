// SPDX-License-Identifier: Apache-2.0
#include "http/test_support.h"

#include <arpa/inet.h>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include "base/text.h"

namespace hekto::http::test {

namespace {

constexpr std::chrono::seconds kGiveUp{20};

void set_patience(int fd) {
  const timeval limit{kGiveUp.count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

}  // namespace

std::optional<std::string> Reply::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    std::string_view line = take_until(rest, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string_view key = take_until(line, ':');
    if (iequals(key, name)) return std::string(trim(line));
  }
  return std::nullopt;
}

RawClient::RawClient(std::uint16_t port, const char* address) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    socket_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&v4), sizeof v4) == 0;
  } else {
    inet_pton(AF_INET6, address, &v6.sin6_addr);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    socket_ = Descriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&v6), sizeof v6) == 0;
  }
  set_patience(socket_.get());
}

RawClient::RawClient(const std::string& unix_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
  socket_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  set_patience(socket_.get());
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawClient::shutdown_send() { ::shutdown(socket_.get(), SHUT_WR); }

bool RawClient::fill() {
  std::array<char, 65536> piece;
  const auto got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
  if (got <= 0) return false;
  buffer_.append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

Reply RawClient::read(bool head_only) {
  Reply reply;
  auto end = std::string::npos;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return reply;
  }
  reply.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  reply.status = std::stoi(reply.head.substr(9, 3));
  if (head_only || reply.status == 204 || reply.status == 304 || reply.status < 200) {
    reply.complete = true;
    return reply;
  }
  if (reply.header("Transfer-Encoding") == "chunked") {
    for (;;) {
      auto line = std::string::npos;
      while ((line = buffer_.find("\r\n")) == std::string::npos) {
        if (!fill()) return reply;
      }
      const std::size_t size = std::stoul(buffer_.substr(0, line), nullptr, 16);
      while (buffer_.size() < line + 2 + size + 2) {
        if (!fill()) return reply;
      }
      reply.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 2 + size + 2);
      if (size > 0) continue;
      reply.complete = true;
      return reply;
    }
  }
  const auto length = reply.header("Content-Length");
  const std::size_t size = length ? std::stoul(*length) : std::string::npos;
  while (buffer_.size() < size) {
    if (!fill()) break;
  }
  reply.complete = !length || buffer_.size() >= size;
  reply.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return reply;
}

std::vector<Reply> RawClient::read_all() {
  std::vector<Reply> replies;
  while (true) {
    Reply reply = read();
    if (reply.status == 0) return replies;
    replies.push_back(std::move(reply));
  }
}

bool RawClient::closes_silently() {
  char byte = 0;
  const auto got = buffer_.empty() ? ::recv(socket_.get(), &byte, 1, 0) : 1;
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

TestServer::TestServer(ListenerOptions options, Observer observer)
    : options_(std::move(options)), observer_(std::move(observer)) {
  options_.port = 0;
}

TestServer::~TestServer() {
  server_.reset();
  io_.stop();
  io_.join();
}

Result<void> TestServer::start() {
  io_.start();
  server_ = std::make_unique<Server>(io_, router, options_, observer_);
  return server_->start();
}

bool TestServer::eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kGiveUp;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void TestServer::echo(std::string path, RouteOptions options) {
  for (const Method method : {Method::get, Method::post}) {
    router.add(
        method, path,
        [](Request& r) -> async::Task<Response> {
          co_return text(std::string(to_string(r.method)) + " " + std::string(r.path) + " " + std::string(r.body));
        },
        options);
  }
}

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "hekto-http-XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TempFolder::write(std::string_view name, std::string_view content) const {
  const std::string file = path(name);
  std::ofstream(file, std::ios::binary) << content;
  return file;
}

Response text(std::string body) {
  Response response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

void leave_dead_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace hekto::http::test
