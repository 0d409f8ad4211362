// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"

namespace hekto::ports {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< absolute, http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;                           ///< sent with every method but GET
  Duration limit = std::chrono::seconds(10);  ///< from the look-up of the name to the last byte of the reply
  std::size_t max_reply = 64 << 10;           ///< bytes of the reply's body that are read
};

struct HttpReply {
  int status = 0;
  std::string body;
  bool truncated = false;  ///< there was more than max_reply; the rest was not read
};

/// Requests to the world outside, for what clients name: nothing about the other side is trusted. One request is one
/// exchange on a connection of its own: redirects are not followed, cookies not kept, nothing is decoded.
/// Any thread; the result arrives on the calling task's executor.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Any answer is a value, whatever its status. invalid_input when the URL is malformed, is neither http nor https, or
  /// carries a user name; forbidden when it leads to an address that must not be dialled (nothing was sent);
  /// unavailable when no connection came about (nothing was sent); timeout after `limit`; upstream when the exchange
  /// broke off; canceled when the client stops. Messages name no part of the URL.
  virtual async::Task<Result<HttpReply>> send(HttpRequest request) = 0;
};

}  // namespace hekto::ports
