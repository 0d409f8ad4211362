// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/io_threads.h"
#include "http/descriptor.h"
#include "http/server.h"

namespace hekto::http::test {

/// One answer as a client sees it.
struct Reply {
  int status = 0;  ///< 0: the connection ended before a whole answer
  std::string head;
  std::string body;  ///< dechunked, still compressed
  bool complete = false;
  std::optional<std::string> header(std::string_view name) const;
};

/// A client that sends exactly the bytes it is told. Blocking; gives up after 20 seconds without a byte.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, const char* address = "127.0.0.1");
  explicit RawClient(const std::string& unix_path);

  bool connected() const { return connected_; }
  int fd() const { return socket_.get(); }
  void send(std::string_view bytes);
  /// The next answer; `head_only` for answers to HEAD.
  Reply read(bool head_only = false);
  /// All answers until the server closes.
  std::vector<Reply> read_all();
  /// True when the server closes without sending anything more.
  bool closes_silently();
  void close() { socket_.reset(); }
  void shutdown_send();

 private:
  bool fill();
  Descriptor socket_;
  bool connected_ = false;
  std::string buffer_;
};

/// A server on a free port with two threads, stopped at the end of the test.
class TestServer {
 public:
  explicit TestServer(ListenerOptions options = {}, Observer observer = {});
  ~TestServer();

  Router router;  ///< to be filled before start()
  Result<void> start();
  Server& server() { return *server_; }
  std::uint16_t port() const { return server_->port(); }
  RawClient client() const { return RawClient(port()); }
  /// Waits until `condition` holds; false after 20 seconds.
  static bool eventually(const std::function<bool()>& condition);

  /// GET and POST `path` answer "<method> <path> <body>".
  void echo(std::string path, RouteOptions options = {});

 private:
  async::IoThreads io_{2};
  ListenerOptions options_;
  Observer observer_;
  std::unique_ptr<Server> server_;
};

/// A folder of its own, removed at the end.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }
  std::string write(std::string_view name, std::string_view content) const;

 private:
  std::string folder_;
};

Response text(std::string body);

/// What a killed server leaves behind: a socket file that nobody listens on.
void leave_dead_socket(const std::string& path);

}  // namespace hekto::http::test
