// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <atomic>
#include <chrono>
#include <memory>

#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/json_text.h"
#include "base/time.h"

namespace hekto::log {
namespace {

constexpr std::size_t kQueueLines = 8192;

struct Backend {
  std::shared_ptr<spdlog::async_logger> logger;
  // Below the logger, so that its thread has ended when the logger goes.
  std::shared_ptr<spdlog::details::thread_pool> pool;
  Format format = Format::json;
};

std::unique_ptr<Backend> backend;  // set before threads start, cleared after they ended
std::atomic<int> lowest_level = static_cast<int>(Level::error) + 1;

const char* name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "error";
}

void append_value(std::string& out, const Field& field, bool quote) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    if (quote) {
      append_json_string(out, *text);
    } else {
      append_json_escaped(out, *text);
    }
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    fmt::format_to(std::back_inserter(out), "{}", *number);
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    fmt::format_to(std::back_inserter(out), "{}", *real);
  } else {
    out += std::get<bool>(field.value) ? "true" : "false";
  }
}

}  // namespace

void start(Level lowest, Format format) {
  auto fresh = std::make_unique<Backend>();
  fresh->format = format;
  fresh->pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_pattern("%v");
  fresh->logger = std::make_shared<spdlog::async_logger>("hekto", std::move(sink), fresh->pool,
                                                         spdlog::async_overflow_policy::overrun_oldest);
  fresh->logger->set_level(spdlog::level::trace);
  fresh->logger->flush_on(spdlog::level::trace);
  backend = std::move(fresh);
  lowest_level = static_cast<int>(lowest);
}

void stop() {
  lowest_level = static_cast<int>(Level::error) + 1;
  backend.reset();  // the pool's destructor writes out what is queued
}

bool enabled(Level level) { return static_cast<int>(level) >= lowest_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!enabled(level) || !backend) return;
  const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  std::string line;
  line.reserve(160);
  if (backend->format == Format::json) {
    line += R"({"time":")";
    append_time(line, now);
    line += R"(","level":")";
    line += name_of(level);
    line += R"(","event":)";
    append_json_string(line, event);
    for (const auto& field : fields) {
      line += ',';
      append_json_string(line, field.name);
      line += ':';
      append_value(line, field, true);
    }
    line += '}';
  } else {
    append_time(line, now);
    line += ' ';
    line += name_of(level);
    line += ' ';
    append_json_escaped(line, event);
    for (const auto& field : fields) {
      line += ' ';
      append_json_escaped(line, field.name);
      line += '=';
      append_value(line, field, true);
    }
  }
  backend->logger->log(spdlog::level::info, std::string_view(line));
}

}  // namespace hekto::log
