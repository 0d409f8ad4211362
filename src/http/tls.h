// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "http/io_result.h"

namespace hekto::http {

/// Certificate, key and policy of a listener: TLS 1.2 and newer, ALPN http/1.1. Immutable; any thread.
class TlsContext {
 public:
  /// Reads PEM files. invalid_input with the file and OpenSSL's reason.
  static Result<TlsContext> load(const std::string& certificate, const std::string& key);
  struct Impl;

 private:
  friend class TlsStream;
  std::shared_ptr<Impl> impl_;
};

/// The server's side of TLS on a non-blocking socket. Never waits: says what to wait for. One thread at a time.
class TlsStream {
 public:
  /// `fd` stays the caller's and must outlive this.
  TlsStream(const TlsContext& context, int fd);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  IoResult handshake();
  IoResult read(std::span<char> into);
  IoResult write(std::string_view bytes);
  /// True when bytes wait here that the socket will not announce.
  bool pending() const;
  /// Tells the peer that nothing follows; does its best once.
  void close_notify();

 private:
  IoResult result_of(int returned);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hekto::http
