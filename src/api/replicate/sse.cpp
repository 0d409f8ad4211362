// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/sse.h"

#include <charconv>

#include "base/sse.h"
#include "base/text.h"

namespace hekto::api {
namespace {

constexpr std::size_t kMaxEvent = 1'000'000'000;

/// Whether a line break may begin with `c`: what is none is copied in runs.
bool may_break(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\xC2' || c == '\xE2'; }

}  // namespace

void append_sse(std::string& out, std::string_view event, std::int64_t seconds, std::size_t n, std::string_view data) {
  out.append("event: ").append(event).append("\nid: ");
  out += std::to_string(seconds) + ":" + std::to_string(n);
  out += "\ndata: ";
  while (!data.empty()) {
    if (const auto length = line_break_length(data); length > 0) {
      out += "\ndata: ";
      data.remove_prefix(length);
    } else {
      std::size_t plain = 1;
      while (plain < data.size() && !may_break(data[plain])) ++plain;
      out.append(data.substr(0, plain));
      data.remove_prefix(plain);
    }
  }
  out += "\n\n";
}

std::size_t next_after(std::string_view last_event_id, const domain::Prediction& p) {
  const auto seconds = std::to_string(to_micros(p.created_at) / 1'000'000);
  if (take_until(last_event_id, ':') != seconds) return 0;
  std::size_t n = 0;
  const auto [end, ec] = std::from_chars(last_event_id.data(), last_event_id.data() + last_event_id.size(), n);
  if (ec != std::errc{} || end != last_event_id.data() + last_event_id.size() || n > kMaxEvent) return 0;
  // Text is shown before it is committed. After a crash a reader may know an event that is still to be made again, and
  // must not get what lies before it once more.
  if (domain::is_terminal(p.status) && n > p.output.items.size() + 1) return 0;
  return n + 1;
}

}  // namespace hekto::api
