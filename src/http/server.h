// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/io_threads.h"
#include "base/error.h"
#include "http/message.h"
#include "http/router.h"

namespace hekto::http {

/// Every limit of a listener; docs/configuration.md lists them, server_limits_test.cpp checks them.
struct Limits {
  std::size_t head_bytes = 16 * 1024;               ///< request line and headers; beyond: 431
  std::size_t target_bytes = 8 * 1024;              ///< beyond: 414
  std::size_t header_count = 64;                    ///< beyond: 431
  std::size_t connections = 20'000;                 ///< beyond: accepted, answered 503, closed
  std::size_t connections_per_address = 0;          ///< 0: no limit; loopback and trusted proxies are exempt
  std::chrono::milliseconds head_timeout{10'000};   ///< from the first byte of a head to its last; beyond: 408, close
  std::chrono::milliseconds idle_timeout{75'000};   ///< between requests, and before the first byte
  std::chrono::milliseconds body_grace{5'000};      ///< after this a body must have come at body_rate on average
  std::size_t body_rate = 1024;                     ///< bytes a second; slower: 408, close
  std::chrono::milliseconds write_timeout{30'000};  ///< without progress of a write; beyond: close
};

struct ListenerOptions {
  std::string host = "127.0.0.1";            ///< IPv4 or IPv6 address, without brackets; "localhost" is 127.0.0.1
  std::uint16_t port = 8080;                 ///< 0: any free port
  std::string unix_path;                     ///< when set: a Unix socket (mode 0600) instead of host and port
  std::string tls_certificate;               ///< PEM chain file; empty: no TLS
  std::string tls_key;                       ///< PEM key file
  std::vector<std::string> trusted_proxies;  ///< addresses or CIDR blocks whose X-Forwarded-* headers count
  Limits limits;
};

/// Called once a request has been answered; on the connection's thread; must not block.
struct Exchange {
  const Request& request;
  const Route* route;  ///< nullptr when none matched or the request was refused before routing
  unsigned status;
  std::uint64_t response_bytes;
  std::chrono::microseconds duration;
};
using Observer = std::function<void(const Exchange&)>;

/// One listener: strict admission, HTTP/1.1 keep-alive and pipelining, TLS. Connections are dealt round robin to the io
/// threads and never change thread.
class Server {
 public:
  /// `router` and `observer` outlive the server.
  Server(async::IoThreads& io, const Router& router, ListenerOptions options, Observer observer);
  ~Server();

  /// Binds and begins to accept. unavailable when the address is in use, with the address in the message; invalid_input
  /// for an unusable address or certificate.
  Result<void> start();
  /// The bound port (after start).
  std::uint16_t port() const;

  /// Stops accepting, closes idle connections, answers those under way with Connection: close. Returns when all are
  /// gone or `grace` passed (then the rest is cut). Never call on an io thread.
  void drain_blocking(std::chrono::milliseconds grace);

  std::size_t connections() const;
  std::uint64_t refused_connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hekto::http
