// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hekto {

struct SseEvent {
  std::string name;     ///< "message" when the stream gives none
  std::string data;     ///< data lines joined by newlines
  std::string id = {};  ///< the newest id at its end; empty when there was none
};

/// Decodes server-sent events (WHATWG HTML 9.2) from pieces cut anywhere. One thread.
class SseReader {
 public:
  /// Takes the next bytes; returns the events that they complete.
  std::vector<SseEvent> feed(std::string_view bytes);
  /// The newest id seen, for Last-Event-ID; empty when none.
  const std::string& last_id() const { return last_id_; }
  /// Bytes that are kept of the event that is not complete yet.
  std::size_t unfinished() const { return buffer_.size() + event_.name.size() + event_.data.size() + id_.size(); }
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

/// Length of the line break at the start of `text`, 0 when there is none: of all characters at which some client of
/// event streams splits lines (CR, VT, FF, FS, GS, RS, NEL, LS, PS beside LF). CRLF is one. `text` is not empty.
std::size_t line_break_length(std::string_view text);

}  // namespace hekto
