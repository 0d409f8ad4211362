// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace hekto::http {

/// What the head says beside what the handler gave.
struct HeadFacts {
  std::optional<std::uint64_t> length;  ///< Content-Length
  bool chunked = false;
  bool gzip = false;
  bool vary = false;  ///< another Accept-Encoding could have got another answer
  enum class Connection : std::uint8_t { implied, close, keep_alive } connection = Connection::implied;
  std::string_view date;
  std::string_view request_id;
};

/// Appends status line and headers up to and including the empty line.
void render_head(std::string& out, const Response& response, const HeadFacts& facts);

/// False when a header name is no token or a value holds a control character: such an answer must not be sent, since
/// its text could end the head early.
bool has_safe_headers(const Response& response);

/// 1xx, 204 and 304 have no body and no length.
bool has_no_body(unsigned status);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::int64_t unix_seconds);

}  // namespace hekto::http
