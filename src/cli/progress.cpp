// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace hekto::cli {
namespace {

constexpr std::size_t kMaxLogTail = 16 * 1024;
constexpr int kBarWidth = 24;
constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
constexpr std::array<std::string_view, 4> kSpinner{"|", "/", "-", "\\"};

void skip_spaces(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size())); }

template <class T>
bool take_number(std::string_view& text, T& number) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// One line of the form: <n>% | <at least one character> | <current>/<total> …
std::optional<Progress> parse_line(std::string_view line) {
  Progress progress;
  skip_spaces(line);
  if (!take_number(line, progress.percent) || !take(line, '%')) return {};
  skip_spaces(line);
  if (!take(line, '|')) return {};
  for (auto bar = line.find('|', 1); bar != std::string_view::npos; bar = line.find('|', bar + 1)) {
    auto rest = line.substr(bar + 1);
    skip_spaces(rest);
    if (take_number(rest, progress.current) && take(rest, '/') && take_number(rest, progress.total)) {
      progress.percent = std::min(progress.percent, 100);
      return progress;
    }
  }
  return {};
}

}  // namespace

std::optional<Progress> parse_progress(std::string_view logs) {
  if (logs.size() > kMaxLogTail) logs.remove_prefix(logs.size() - kMaxLogTail);
  while (!logs.empty()) {
    const auto start = logs.find_last_of("\r\n");
    const auto line = start == std::string_view::npos ? logs : logs.substr(start + 1);
    if (const auto progress = parse_line(line)) return progress;
    if (start == std::string_view::npos) break;
    logs = logs.substr(0, start);
  }
  return {};
}

std::string draw_bar(int percent, int width) {
  const int eighths = std::clamp(percent, 0, 100) * width * 8 / 100;
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  bar += kEighths[static_cast<std::size_t>(eighths % 8)];
  bar.append(static_cast<std::size_t>(width - (eighths + 7) / 8), ' ');
  return bar;
}

std::string format_elapsed(std::chrono::seconds elapsed) {
  const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  const std::int64_t seconds = elapsed.count();
  if (seconds < 3600) return std::to_string(seconds / 60) + ":" + two(seconds % 60);
  return std::to_string(seconds / 3600) + ":" + two(seconds / 60 % 60) + ":" + two(seconds % 60);
}

void ProgressLine::show(std::string_view status, std::string_view logs, std::chrono::milliseconds elapsed) {
  if (!terminal_.err_is_terminal) {
    if (status_ != status) terminal_.err << printable(status) << '\n' << std::flush;
    status_ = status;
    return;
  }
  std::string line = "\r\x1b[2K" + printable(status) + " ";
  if (const auto progress = parse_progress(logs)) {
    line += "▕" + draw_bar(progress->percent, kBarWidth) + "▏ " + std::to_string(progress->percent) + "%  " +
            std::to_string(progress->current) + "/" + std::to_string(progress->total);
  } else {
    line += kSpinner[static_cast<std::size_t>(elapsed.count() / 100) % kSpinner.size()];
  }
  line += "  " + format_elapsed(std::chrono::duration_cast<std::chrono::seconds>(elapsed));
  terminal_.err << line << std::flush;
  drawn_ = true;
}

void ProgressLine::clear() {
  if (drawn_) terminal_.err << "\r\x1b[2K" << std::flush;
  drawn_ = false;
}

}  // namespace hekto::cli
