// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hekto::cli {

struct SseEvent {
  std::string name;  ///< "message" when the stream gives none
  std::string data;  ///< data lines joined by newlines
};

/// Decodes server-sent events (WHATWG HTML 9.2) from pieces cut anywhere. One thread.
class SseReader {
 public:
  /// Takes the next bytes; returns the events that they complete.
  std::vector<SseEvent> feed(std::string_view bytes);
  /// The newest id seen, for Last-Event-ID; empty when none.
  const std::string& last_id() const { return last_id_; }
  /// Forgets a half-received event, for a new connection. The last id stays.
  void restart();

 private:
  void line(std::string_view text, std::vector<SseEvent>& events);

  std::string buffer_;  // the unfinished line
  SseEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  std::string id_;
  std::string last_id_;
};

}  // namespace hekto::cli
