// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/caption.h"

#include <cmath>

namespace hekto::runners {

namespace {

constexpr std::string_view kEllipsis = "…";
constexpr std::size_t kMaxPromptBytes = 2400;  // more than any panel can show; bounds the work for a huge prompt

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

void drop_last_character(std::string& text) {
  while (!text.empty() && is_continuation(text.back())) text.pop_back();
  if (!text.empty()) text.pop_back();
}

std::vector<std::string> words_of(std::string_view text) {
  if (text.size() > kMaxPromptBytes) {
    std::size_t end = kMaxPromptBytes;
    while (end > 0 && is_continuation(text[end])) --end;
    text = text.substr(0, end);
  }
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F) {
      if (!words.back().empty()) words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

/// The longest beginning of `word`, at least one character, that fits into `room`; it is cut from `word`.
std::string take_fitting(std::string& word, const Typeface& face, double size, double room) {
  std::size_t end = 0;
  std::size_t fits = 0;
  while (end < word.size()) {
    do ++end;
    while (end < word.size() && is_continuation(word[end]));
    if (fits > 0 && face.width(word.substr(0, end), size) > room) break;
    fits = end;
  }
  std::string head = word.substr(0, fits);
  word.erase(0, fits);
  return head;
}

void shorten(std::string& line, const Typeface& face, double size, double room) {
  while (!line.empty() && face.width(line + std::string(kEllipsis), size) > room) drop_last_character(line);
  while (!line.empty() && line.back() == ' ') line.pop_back();
  line += kEllipsis;
}

void fill_rounded(gdImage& image, int left, int top, int right, int bottom, int radius, Rgb colour, int strength) {
  const int width = gdImageSX(&image);
  const int height = gdImageSY(&image);
  for (int y = std::max(0, top); y < std::min(bottom, height); ++y) {
    for (int x = std::max(0, left); x < std::min(right, width); ++x) {
      const int dx = std::max({left + radius - x, x - (right - 1 - radius), 0});
      const int dy = std::max({top + radius - y, y - (bottom - 1 - radius), 0});
      int share = strength;
      if (dx > 0 && dy > 0) {
        const double over = radius + 0.5 - std::sqrt(static_cast<double>(dx * dx + dy * dy));
        share = static_cast<int>(strength * std::clamp(over, 0.0, 1.0));
      }
      if (share == 0) continue;  // a corner: what is transparent stays so
      int& pixel = image.tpixels[y][x];
      pixel = pack(mix(unpack(pixel), colour, share));
    }
  }
}

void draw_mark(gdImage& image, double span, int margin, const Typeface& face) {
  const std::string mark = "Hekto sandbox";
  const double size = std::max(8.0, span * 0.022);
  const int text_width = static_cast<int>(face.width(mark, size));
  const int pad = static_cast<int>(size * 0.75);
  const int right = gdImageSX(&image) - margin;
  const int left = right - text_width - 2 * pad;
  const int bottom = margin + static_cast<int>(size * 2.1);
  if (left < margin || bottom > gdImageSY(&image) / 3) return;
  fill_rounded(image, left, margin, right, bottom, (bottom - margin) / 2, {12, 14, 24}, 130);
  face.draw(image, mark, size, left + pad, margin + static_cast<int>(size * 1.41), gdTrueColorAlpha(255, 255, 255, 12));
}

}  // namespace

std::vector<std::string> wrap(std::string_view text, const Typeface& face, double size, double room,
                              std::size_t max_lines, bool& shortened) {
  shortened = text.size() > kMaxPromptBytes;
  const double space = std::max(1.0, face.width("n n", size) - face.width("nn", size));
  std::vector<std::string> lines;
  double used = 0;
  for (auto& word : words_of(text)) {
    while (!word.empty()) {
      const double width = face.width(word, size);
      const bool fresh = lines.empty() || (used > 0 && used + space + width > room);
      if (fresh && lines.size() == max_lines) {
        shorten(lines.back(), face, size, room);
        shortened = true;
        return lines;
      }
      if (!fresh) {
        lines.back() += ' ' + word;
        used += space + width;
        break;
      }
      lines.push_back(width <= room ? word : take_fitting(word, face, size, room));
      used = width <= room ? width : room;
      if (width <= room) break;
    }
  }
  if (shortened && !lines.empty()) shorten(lines.back(), face, size, room);
  return lines;
}

void draw_caption(gdImage& image, const Caption& caption, const Typeface& bold, const Typeface& regular) {
  const int width = gdImageSX(&image);
  const int height = gdImageSY(&image);
  const double span = std::min(width, height);
  const int margin = std::max(3, static_cast<int>(span * 0.035));
  const int pad = std::max(2, static_cast<int>(span * 0.03));
  const double room = width - 2 * margin - 2 * pad;
  draw_mark(image, span, margin, bold);
  if (room < 24 || height < 48) return;

  const double footer_size = std::max(7.0, span * 0.0205);
  const double tallest = height * 0.40;
  std::vector<std::string> lines;
  double size = 0;
  for (const double share : {0.054, 0.046, 0.038, 0.032, 0.027}) {
    size = std::max(8.0, span * share);
    const auto max_lines = std::max<std::size_t>(1, static_cast<std::size_t>(tallest / (size * 1.32)));
    bool shortened = false;
    lines = wrap(caption.prompt, bold, size, room, max_lines, shortened);
    // A title may take three lines; more text reads better small.
    if (!shortened && (lines.size() <= 3 || share <= 0.032)) break;
  }

  const double line_height = size * 1.32;
  const double text_height = static_cast<double>(lines.size()) * line_height;
  const int bottom = height - margin;
  const int top = bottom - static_cast<int>(text_height + footer_size * (lines.empty() ? 1 : 1.5) + 2 * pad);
  fill_rounded(image, margin, top, width - margin, bottom, pad, {12, 14, 24}, 158);
  double base = top + pad + size * 0.92;
  const int white = gdTrueColorAlpha(255, 255, 255, 0);
  for (const auto& line : lines) {
    bold.draw(image, line, size, margin + pad, static_cast<int>(base), white);
    base += line_height;
  }
  bool cut = false;
  const auto footer = wrap(caption.footer, regular, footer_size, room, 1, cut);
  if (footer.empty()) return;
  regular.draw(image, footer.front(), footer_size, margin + pad, bottom - pad, gdTrueColorAlpha(255, 255, 255, 38));
}

}  // namespace hekto::runners
