// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <charconv>
#include <optional>

namespace hekto {
namespace {

void append_digits(std::string& out, unsigned value, int width) {
  char digits[10];
  for (int i = width - 1; i >= 0; --i, value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits, static_cast<std::size_t>(width));
}

std::optional<unsigned> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  unsigned value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

void append_time(std::string& out, Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss<Duration> clock{t - day};
  append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, static_cast<unsigned>(clock.hours().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned>(clock.minutes().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned>(clock.seconds().count()), 2);
  out += '.';
  append_digits(out, static_cast<unsigned>(clock.subseconds().count()), 6);
  out += 'Z';
}

std::string format_time(Time t) {
  std::string out;
  out.reserve(27);
  append_time(out, t);
  return out;
}

Result<Time> parse_time(std::string_view text) {
  const auto bad = [] { return fail(ErrorCode::invalid_input, "not an ISO 8601 time, such as 2026-11-22T10:15:30Z"); };
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return bad();
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return bad();
  const auto day = take_digits(text, 2);
  if (!day) return bad();
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return bad();
  Time t{std::chrono::sys_days(date)};
  if (text.empty()) return t;
  if (text.front() != 'T' && text.front() != 't' && text.front() != ' ') return bad();
  text.remove_prefix(1);
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return bad();
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return bad();
  unsigned second = 0;
  if (take(text, ':')) {
    const auto s = take_digits(text, 2);
    if (!s || *s > 60) return bad();
    second = *s;
  }
  t += std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(second);
  if (take(text, '.')) {
    std::int64_t micros = 0;
    int digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
      if (digits < 6) micros = micros * 10 + (text.front() - '0');
    }
    if (digits == 0 || digits > 9) return bad();
    for (; digits < 6; ++digits) micros *= 10;
    t += Duration(micros);
  }
  if (text.empty() || text == "Z" || text == "z") return t;
  const bool ahead = text.front() == '+' || text.front() == ' ';  // a '+' in a query may arrive decoded as a space
  if (!ahead && text.front() != '-') return bad();
  text.remove_prefix(1);
  const auto zone_hours = take_digits(text, 2);
  take(text, ':');
  const auto zone_minutes = take_digits(text, 2);
  if (!zone_hours || !zone_minutes || !text.empty() || *zone_hours > 23 || *zone_minutes > 59) return bad();
  const auto offset = std::chrono::hours(*zone_hours) + std::chrono::minutes(*zone_minutes);
  return ahead ? t - offset : t + offset;
}

Result<Duration> parse_duration(std::string_view text) {
  constexpr Duration kMax = std::chrono::hours(24 * 3653);
  const auto bad = [&] {
    return fail(ErrorCode::invalid_input, "not a duration, such as 90s, 1h30m or 30d (units ms, s, m, h, d)");
  };
  if (text.empty()) return bad();
  Duration total{};
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc{} || number < 0 || text.front() == '-' || number > 1'000'000'000'000) return bad();
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    Duration unit = std::chrono::seconds(1);
    if (text.starts_with("ms")) {
      unit = std::chrono::milliseconds(1);
      text.remove_prefix(2);
    } else if (!text.empty()) {
      switch (text.front()) {
        case 's':
          unit = std::chrono::seconds(1);
          break;
        case 'm':
          unit = std::chrono::minutes(1);
          break;
        case 'h':
          unit = std::chrono::hours(1);
          break;
        case 'd':
          unit = std::chrono::hours(24);
          break;
        default:
          return bad();
      }
      text.remove_prefix(1);
    } else if (total != Duration{}) {
      return bad();  // "1h30" does not say 30 of what
    }
    if (number > kMax / unit) return bad();
    total += unit * number;
    if (total > kMax) return bad();
  }
  return total;
}

}  // namespace hekto
