// SPDX-License-Identifier: Apache-2.0
#include "base/sse.h"

#include <utility>

#include "base/text.h"

namespace hekto {

std::vector<SseEvent> SseReader::feed(std::string_view bytes) {
  std::vector<SseEvent> events;
  for (const char c : bytes) {
    // CR, LF and CR LF each end one line.
    if (c == '\n' && std::exchange(after_cr_, false)) continue;
    after_cr_ = c == '\r';
    if (c == '\n' || c == '\r') {
      line(std::exchange(buffer_, {}), events);
    } else {
      buffer_ += c;
    }
  }
  return events;
}

void SseReader::restart() {
  buffer_.clear();
  event_ = {};
  has_data_ = after_cr_ = false;
  id_ = last_id_;
}

void SseReader::line(std::string_view text, std::vector<SseEvent>& events) {
  if (text.empty()) {
    // An id counts only once its event is complete: reconnecting after half an event must bring that event again.
    last_id_ = id_;
    if (event_.name.empty()) event_.name = "message";
    event_.id = id_;
    if (has_data_) events.push_back(std::move(event_));
    event_ = {};
    has_data_ = false;
    return;
  }
  auto value = text;
  const auto field = take_until(value, ':');
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") {
    event_.name = value;
  } else if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "id") {
    id_ = value;
  }
}

std::size_t line_break_length(std::string_view text) {
  const auto c = static_cast<unsigned char>(text.front());
  if (text.starts_with("\r\n")) return 2;
  if (c == '\n' || c == '\r' || c == 0x0B || c == 0x0C || (c >= 0x1C && c <= 0x1E)) return 1;
  if (text.starts_with("\xC2\x85")) return 2;
  if (text.starts_with("\xE2\x80\xA8") || text.starts_with("\xE2\x80\xA9")) return 3;
  return 0;
}

}  // namespace hekto
