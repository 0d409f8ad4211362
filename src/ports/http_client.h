// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/stop.h"
#include "async/task.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time.h"

namespace hekto::ports {

struct HttpReply;

/// Takes the body of a reply as it comes.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// Called once before the first piece, as soon as the head of the 200 has come; its body is empty. Thread and errors
  /// as write().
  virtual Result<void> begin(const HttpReply& /*head*/) { return {}; }
  /// Called piece by piece, on the client's thread; may block on a disk, when the client is one for downloads. An error
  /// ends the exchange and becomes its result.
  virtual Result<void> write(std::string_view piece) = 0;
};

/// Gives the body of a request as it is sent.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills what it can of `room`, in order; 0 only at the end. Called on the client's thread; may block on a disk, when
  /// the client is one for downloads. An error ends the exchange and becomes its result.
  virtual Result<std::size_t> read(std::span<char> room) = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< absolute, http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;                           ///< sent with every method but GET
  std::shared_ptr<BodySource> source = {};    ///< set: the body comes from there
  Duration limit = std::chrono::seconds(10);  ///< from the look-up of the name to the last byte of the reply; 0: none
  std::size_t max_reply = 64 << 10;           ///< bytes of the reply's body that are read

  /// When set, a download: the body of a 200 goes there, unpacked if it came packed, and must come whole; of the body
  /// of any other reply no more than max_refusal is read.
  std::shared_ptr<BodySink> sink = {};
  Duration connect_limit{};                        ///< until the connection stands; 0: no limit of its own
  std::size_t min_rate = 0;                        ///< bytes a second that must come on average over `slow_after`
  Duration slow_after = std::chrono::seconds(20);  ///< whole seconds
  async::StopToken stop = {};                      ///< ends the exchange with `canceled`
  std::size_t max_refusal = 0;                     ///< bytes of the body that are read of another reply to a download

  /// It may go over a connection that an earlier one of these left, and leave its own, with HTTP/2 where the other side
  /// speaks it. Only for what may be repeated: a connection that has gone stale is found out by sending.
  bool reuse = false;
  /// When set, becomes true just before the first byte of the request may leave. While it is false, whatever went
  /// wrong, nothing was sent. No error code says as much.
  std::shared_ptr<std::atomic<bool>> sent = {};
};

struct HttpReply {
  int status = 0;
  std::string body;
  bool truncated = false;     ///< there was more than max_reply; the rest was not read
  std::string redirect = {};  ///< where a 3xx leads: absolute if it is a URL at all, checked by nobody; else empty
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< as they came, in their order; 64 KiB at most

  /// The value of the first such header; empty when there is none.
  std::string_view header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (iequals(key, name)) return value;
    }
    return {};
  }
};

/// Requests to the world outside, for what clients name: nothing about the other side is trusted. One request is one
/// exchange, on a connection of its own unless it says `reuse`: redirects are not followed, cookies and credentials not
/// kept, and nothing is decoded but downloads.
/// Any thread; the result arrives on the calling task's executor.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Any answer is a value, whatever its status. invalid_input when the URL is malformed, is neither http nor https, or
  /// carries a user name; forbidden when it leads to an address that must not be dialled (nothing was sent);
  /// unavailable when no connection came about (nothing was sent); timeout after `limit`, or when the body comes too
  /// slowly; upstream when the exchange broke off; canceled when the client stops, or on request.stop. Downloads:
  /// too_large beyond max_reply, or when the body unpacks to more than 100 times its size; any error of the sink.
  /// Messages name no part of the URL.
  virtual async::Task<Result<HttpReply>> send(HttpRequest request) = 0;
};

}  // namespace hekto::ports
