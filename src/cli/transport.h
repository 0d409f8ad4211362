// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace hekto::cli {

struct HttpRequest {
  std::string method;  ///< "GET" or "POST"
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  bool follow_redirects = false;  ///< only where no key is sent along
  /// Takes the body of a 2xx answer piece by piece instead of HttpReply::body; false ends the transfer, without error.
  std::function<bool(std::string_view)> sink = {};
  /// Asked about once a second and on signals; true breaks the transfer off with `canceled`. Unset: never.
  std::function<bool()> should_stop = {};
  std::chrono::seconds limit{60};  ///< for the whole transfer; 0: as long as bytes keep coming
};

struct HttpReply {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;
};

/// Sends HTTP requests and blocks until they are answered. One thread.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Any status is an answer. unavailable: no connection, nothing was sent; timeout; canceled: should_stop said so;
  /// upstream: the connection broke, so that the request may or may not have been carried out.
  virtual Result<HttpReply> send(const HttpRequest& request) = 0;
};

}  // namespace hekto::cli
