// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/typeface.h"

#include <array>
#include <filesystem>
#include <mutex>
#include <system_error>

#include <gdfontg.h>
#include <gdfonts.h>
#include <gdfontt.h>

namespace hekto::runners {

namespace {

constexpr std::array<std::string_view, 5> kBold{
    "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf",
    "/usr/share/fonts/truetype/liberation2/LiberationSans-Bold.ttf",
    "/usr/share/fonts/truetype/freefont/FreeSansBold.ttf",
};
constexpr std::array<std::string_view, 5> kRegular{
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation2/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/freefont/FreeSans.ttf",
};

constexpr double kPointsPerPixel = 0.75;  // libgd takes points at 96 dots an inch

/// libgd reads HTML entities in what it draws; a prompt's own "&lt;" must come out as written.
std::string escape_entities(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

gdFontPtr bitmap_font(double size) {
  if (size < 11) return gdFontGetTiny();
  if (size < 14) return gdFontGetSmall();
  return gdFontGetGiant();
}

std::string to_ascii(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) out += c;
    if (byte >= 0xC0) out += '?';  // one mark a character: continuation bytes add nothing
  }
  return out;
}

}  // namespace

Typeface::Typeface(std::span<const std::string_view> paths) {
  for (const auto path : paths) {
    std::error_code missing;
    if (!std::filesystem::is_regular_file(path, missing)) continue;
    path_ = path;
    // libgd makes its font cache on first use without a lock, and guards it with one from then on.
    static std::once_flag once;
    std::call_once(once, [] { gdFontCacheSetup(); });
    return;
  }
}

const Typeface& Typeface::bold() {
  static const Typeface face(kBold);
  return face;
}

const Typeface& Typeface::regular() {
  static const Typeface face(kRegular);
  return face;
}

double Typeface::width(const std::string& text, double size) const {
  if (!scalable()) return static_cast<double>(to_ascii(text).size()) * bitmap_font(size)->w;
  std::array<int, 8> box{};
  auto escaped = escape_entities(text);
  gdImageStringFTEx(nullptr, box.data(), 0, path_.c_str(), size * kPointsPerPixel, 0, 0, 0, escaped.data(), nullptr);
  return box[2] - box[0];
}

void Typeface::draw(gdImage& image, const std::string& text, double size, int x, int y, int colour) const {
  if (!scalable()) {
    const gdFontPtr font = bitmap_font(size);
    auto ascii = to_ascii(text);
    gdImageString(&image, font, x, y - font->h * 3 / 4, reinterpret_cast<unsigned char*>(ascii.data()), colour);
    return;
  }
  std::array<int, 8> box{};
  auto escaped = escape_entities(text);
  gdImageStringFTEx(&image, box.data(), colour, path_.c_str(), size * kPointsPerPixel, 0, x, y, escaped.data(),
                    nullptr);
}

}  // namespace hekto::runners
