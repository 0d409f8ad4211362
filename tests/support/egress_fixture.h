// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "async/io_threads.h"
#include "async/run_blocking.h"
#include "egress/curl_client.h"
#include "tests/support/results.h"
#include "tests/support/tcp_receiver.h"

namespace hekto::egress {

inline constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Egress : public testing::Test {
 protected:
  Egress() { io.start(); }
  Result<ports::HttpReply> send(CurlClient& client, ports::HttpRequest request) {
    return async::run_blocking(io.next(), client.send(std::move(request)));
  }
  static ports::HttpRequest post(std::string url, std::string body = "{}") {
    return {.method = "POST",
            .url = std::move(url),
            .headers = {},
            .body = std::move(body),
            .limit = std::chrono::seconds(30)};
  }
  async::IoThreads io{2};
  CurlClient home{EgressPolicy{{}, true}};
  CurlClient strict{EgressPolicy{}};
};

}  // namespace hekto::egress
