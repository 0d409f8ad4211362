// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace hekto::log {

enum class Level { debug, info, warn, error };
enum class Format { json, text };

/// A named value of a log line. Text is escaped, so that no value can forge a line.
struct Field {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;

  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Field(std::string_view n, T v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

/// Starts logging to standard error: one JSON object a line ({"time","level","event",…fields}), or readable text.
/// Lines are written by a thread of their own; when 8,192 wait, the oldest are dropped rather than block a caller.
/// Call once, before other threads start; before that, and after stop(), lines are dropped.
void start(Level lowest, Format format);
/// Writes what is queued and stops.
void stop();

bool enabled(Level level);
/// `event` is a short fixed sentence or word; what varies goes into fields. Any thread; does not block.
void write(Level level, std::string_view event, std::initializer_list<Field> fields = {});

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::info, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::warn, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace hekto::log
