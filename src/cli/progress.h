// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/terminal.h"

namespace hekto::cli {

struct Progress {
  int percent = 0;
  std::int64_t current = 0;
  std::int64_t total = 0;
  friend bool operator==(const Progress&, const Progress&) = default;
};

/// The newest progress line in a prediction's logs, in the form that tqdm writes: " 50%|█████     | 2/4 [00:01<00:01]".
/// nullopt when there is none. Only the last 16 KiB are looked at.
std::optional<Progress> parse_progress(std::string_view logs);

/// A bar of `width` characters in steps of an eighth, filled with spaces.
std::string draw_bar(int percent, int width);

/// "0:07", "12:34" or "1:02:03".
std::string format_elapsed(std::chrono::seconds elapsed);

/// Shows how a prediction is getting on: one line that is redrawn on a terminal, a plain line for each new status
/// elsewhere. One thread.
class ProgressLine {
 public:
  explicit ProgressLine(Terminal& terminal) : terminal_(terminal) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::string_view status, std::string_view logs, std::chrono::milliseconds elapsed);
  /// Takes the line away, so that other text may be written.
  void clear();

 private:
  Terminal& terminal_;
  std::string status_;
  bool drawn_ = false;
};

}  // namespace hekto::cli
