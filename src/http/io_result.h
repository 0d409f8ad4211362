// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace hekto::http {

/// What a non-blocking read or write came to.
enum class Io : std::uint8_t {
  done,        ///< `bytes` were moved
  want_read,   ///< wait until the socket is readable, then try again
  want_write,  ///< wait until it is writable, then try again
  closed,      ///< the peer ended the stream, or it failed
};

struct IoResult {
  Io state = Io::closed;
  std::size_t bytes = 0;
};

}  // namespace hekto::http
