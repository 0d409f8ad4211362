// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

#include <curl/curl.h>

namespace hekto::egress {

/// Waits for what the transfers of a libcurl multi handle wait for, and lets those go on that can. What this costs goes
/// by the events, not by the transfers, of which thousands may be idle: curl_multi_perform() and curl_multi_poll() look
/// at every one each time. Used on one thread, except for wake().
class MultiDriver {
 public:
  /// `multi` outlives this, which becomes its socket and timer callback. Throws std::runtime_error when the system
  /// gives no descriptors.
  explicit MultiDriver(CURLM* multi);
  ~MultiDriver();
  MultiDriver(const MultiDriver&) = delete;
  MultiDriver& operator=(const MultiDriver&) = delete;

  /// Blocks until sockets are ready, a timer of libcurl has come, or wake() was called, also before this call; tells
  /// libcurl of the former. Ended transfers are read with curl_multi_info_read() as usual.
  void drive();
  /// Any thread.
  void wake();

 private:
  using Clock = std::chrono::steady_clock;

  static int on_socket(CURL* handle, curl_socket_t socket, int what, void* self, void* known);
  static int on_timer(CURLM* multi, long millis, void* self);
  int millis_left() const;

  CURLM* const multi_;
  int epoll_ = -1;
  int wakeups_ = -1;
  std::optional<Clock::time_point> due_;
};

}  // namespace hekto::egress
