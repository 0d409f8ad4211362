// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/progress.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace hekto::runners {

namespace {

constexpr int kCells = 10;
constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

std::string clock(double seconds) {
  const auto whole = static_cast<long>(seconds);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{:02}:{:02}", whole / 60, whole % 60);
}

std::string bar(int done, int total) {
  const int eighths = static_cast<int>(static_cast<long>(done) * kCells * 8 / total);
  std::string out;
  int cells = eighths / 8;
  for (int i = 0; i < cells; ++i) out += "█";
  if (eighths % 8 != 0) {
    out += kEighths[static_cast<std::size_t>(eighths % 8)];
    ++cells;
  }
  return out.append(static_cast<std::size_t>(kCells - cells), ' ');
}

}  // namespace

std::string progress_line(int done, int total, double seconds_a_step) {
  const auto head =
      fmt::format("{:3}%|{}| {}/{}", static_cast<long>(done) * 100 / total, bar(done, total), done, total);
  if (done == 0) return fmt::format("{} [00:00<?, ?it/s]\n", head);
  const auto rate =
      seconds_a_step > 1 ? fmt::format("{:5.2f}s/it", seconds_a_step) : fmt::format("{:5.2f}it/s", 1 / seconds_a_step);
  return fmt::format("{} [{}<{}, {}]\n", head, clock(done * seconds_a_step), clock((total - done) * seconds_a_step),
                     rate);
}

}  // namespace hekto::runners
