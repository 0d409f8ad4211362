// SPDX-License-Identifier: Apache-2.0
#include "domain/prefer.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace hekto::domain {

std::optional<WaitPreference> parse_prefer(std::string_view header) {
  while (!header.empty()) {
    const auto end = header.find_first_of(",;");
    std::string_view item = header.substr(0, end);
    header = end == std::string_view::npos ? std::string_view{} : header.substr(end + 1);
    const bool has_value = item.find('=') != std::string_view::npos;
    const std::string_view name = trim(take_until(item, '='));
    if (!iequals(name, "wait")) continue;
    if (!has_value) return WaitPreference{std::chrono::seconds(59), "wait"};
    std::string_view value = trim(item);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    int seconds = 0;
    const auto [last, ec] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (ec == std::errc::result_out_of_range) seconds = 60;
    if ((ec != std::errc{} && ec != std::errc::result_out_of_range) || last != value.data() + value.size()) {
      return std::nullopt;
    }
    seconds = std::clamp(seconds, 1, 60);
    return WaitPreference{std::chrono::seconds(std::min(seconds, 59)), "wait=" + std::to_string(seconds)};
  }
  return std::nullopt;
}

std::optional<Duration> parse_read_timeout(std::string_view text) {
  text = trim(text);
  double seconds = 0;
  const auto [last, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  // Written this way round NaN fails, too. No answer is held for as long as the upper bound.
  if (ec != std::errc{} || last != text.data() + text.size() || !(seconds > 0 && seconds < 1e6)) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Duration hold_time(const WaitPreference& prefer, std::string_view read_timeout) {
  const auto timeout = parse_read_timeout(read_timeout);
  if (!timeout) return prefer.wait;
  return std::min(prefer.wait, std::max<Duration>(*timeout - std::chrono::seconds(1), *timeout / 2));
}

Result<Duration> parse_cancel_after(std::string_view header) {
  const auto value = parse_duration(trim(header));
  if (!value || *value < std::chrono::seconds(5)) {
    return fail(ErrorCode::invalid_input,
                "Cancel-After must be a duration of at least 5 seconds, such as 90s or 1h30m");
  }
  return *value;
}

}  // namespace hekto::domain
