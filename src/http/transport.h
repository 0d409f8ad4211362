// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "http/descriptor.h"
#include "http/io_result.h"
#include "http/tls.h"

namespace hekto::http {

/// The bytes of one connection, plain or TLS, without waiting: every call returns at once and says what to wait for.
/// Plain calls go straight to the kernel, so that one connection type serves TCP, Unix sockets and TLS.
class Transport {
 public:
  /// `fd`: a connected non-blocking stream socket, which stays the caller's. `tls` nullptr: plain.
  Transport(int fd, const TlsContext* tls);

  bool secure() const { return tls_ != nullptr; }
  IoResult handshake() { return tls_ ? tls_->handshake() : IoResult{Io::done}; }
  IoResult read(std::span<char> into);
  /// Sends some of `parts` in order. Over TLS only the first non-empty one is begun.
  IoResult write(std::span<const std::string_view> parts);
  /// Sends up to `length` bytes of a file and advances `offset`. Plain connections only; done with 0 bytes: the file
  /// has no more.
  IoResult send_file(int file, std::uint64_t& offset, std::uint64_t length);
  /// True when bytes wait that the socket will not announce.
  bool pending() const { return tls_ && tls_->pending(); }
  /// True when the socket has bytes to read.
  bool readable() const;
  /// Reads from the socket, below TLS, and forgets.
  IoResult discard();
  /// Nothing more will be sent; what the peer sends can still be read.
  void shutdown_send();
  /// The connection ends with a reset instead of an end of what is sent.
  void reset_on_close();
  /// Neither will anything be read: what waits on the socket wakes.
  void shutdown_both();

 private:
  int fd_;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace hekto::http
