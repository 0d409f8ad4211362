// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace hekto::http {

struct HeadLimits {
  std::size_t head_bytes = 16 * 1024;
  std::size_t target_bytes = 8 * 1024;
  std::size_t header_count = 64;
};

/// What the head says about the message around it.
struct Framing {
  std::size_t head_bytes = 0;  ///< up to and including the empty line
  bool http10 = false;
  bool keep_alive = true;
  bool chunked = false;
  bool expect_continue = false;
  std::uint64_t content_length = 0;
  std::string_view accept_encoding;  ///< data() is nullptr when absent
  std::string_view request_id;       ///< only when well-formed
  bool has_body() const { return chunked || content_length > 0; }
};

/// Why a head is refused. The connection always closes after it, since where the next message begins is in doubt.
struct Refusal {
  unsigned status = 400;
  std::string_view detail;     ///< static text
  std::string_view body = {};  ///< a route's own words in place of the usual problem
};

/// Looks for the end of a head in bytes that arrive piece by piece, so that each byte is looked at once.
class HeadScanner {
 public:
  enum class State { incomplete, complete, refused };
  /// `bytes` starts with the head and only ever grows between calls. Refuses as early as the bytes allow: bare LF, an
  /// impossible request line, a target or head over its limit.
  State scan(std::string_view bytes, const HeadLimits& limits);
  std::size_t head_bytes() const { return position_; }
  const Refusal& refusal() const { return refusal_; }
  void reset() { *this = HeadScanner(); }

 private:
  State refuse(unsigned status, std::string_view detail);
  std::size_t position_ = 0;  // all before it was scanned
  std::size_t line_start_ = 0;
  bool first_line_seen_ = false;
  Refusal refusal_;
};

/// Parses a complete head, the bytes that HeadScanner found, into `request` (method, target, path, query, headers:
/// views into `head`) and `framing`. Strict: whatever two servers could read in two ways is refused, and so is what a
/// well-behaved client never sends. Returns the refusal, or nullopt when all is well.
std::optional<Refusal> parse_head(std::string_view head, const HeadLimits& limits, Request& request, Framing& framing);

/// 1-64 of [A-Za-z0-9._-].
bool is_request_id(std::string_view text);

}  // namespace hekto::http
