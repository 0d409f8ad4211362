// SPDX-License-Identifier: Apache-2.0
#include "domain/media_type.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/text.h"

namespace hekto::domain {
namespace {

struct Ending {
  std::string_view ending;
  std::string_view type;
};
// The first ending of a type is its usual one.
constexpr std::array<Ending, 27> kEndings{
    {{".png", "image/png"},       {".jpg", "image/jpeg"},        {".jpeg", "image/jpeg"},
     {".webp", "image/webp"},     {".gif", "image/gif"},         {".avif", "image/avif"},
     {".heic", "image/heic"},     {".bmp", "image/bmp"},         {".tiff", "image/tiff"},
     {".svg", "image/svg+xml"},   {".mp4", "video/mp4"},         {".webm", "video/webm"},
     {".mov", "video/quicktime"}, {".mp3", "audio/mpeg"},        {".wav", "audio/wav"},
     {".flac", "audio/flac"},     {".ogg", "audio/ogg"},         {".m4a", "audio/mp4"},
     {".pdf", "application/pdf"}, {".zip", "application/zip"},   {".tar", "application/x-tar"},
     {".gz", "application/gzip"}, {".json", "application/json"}, {".csv", "text/csv"},
     {".html", "text/html"},      {".md", "text/markdown"},      {".txt", "text/plain"}}};

constexpr std::size_t kLookedAt = 4096;

/// The first bytes, ending between two UTF-8 characters if they are such.
std::string_view beginning_of(std::string_view bytes) {
  if (bytes.size() <= kLookedAt) return bytes;
  auto end = kLookedAt;
  for (int i = 0; i < 3 && (static_cast<unsigned char>(bytes[end]) & 0xC0) == 0x80; ++i) --end;
  return bytes.substr(0, end);
}

std::string_view by_first_bytes(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (bytes.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) return "image/gif";
  if (bytes.starts_with("%PDF-")) return "application/pdf";
  if (bytes.starts_with("fLaC")) return "audio/flac";
  if (bytes.starts_with("OggS")) return "audio/ogg";
  if (bytes.starts_with("ID3") || bytes.starts_with("\xff\xfb")) return "audio/mpeg";
  if (bytes.starts_with("PK\x03\x04")) return "application/zip";
  if (bytes.starts_with("\x1f\x8b")) return "application/gzip";
  if (bytes.starts_with("\x1a\x45\xdf\xa3")) return "video/webm";
  const auto kind = bytes.size() >= 12 ? bytes.substr(8, 4) : std::string_view{};
  if (bytes.starts_with("RIFF") && kind == "WEBP") return "image/webp";
  if (bytes.starts_with("RIFF") && kind == "WAVE") return "audio/wav";
  if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp") {
    if (kind == "avif") return "image/avif";
    if (kind == "heic") return "image/heic";
    if (kind == "M4A ") return "audio/mp4";
    return kind == "qt  " ? "video/quicktime" : "video/mp4";
  }
  return {};
}

std::string_view by_ending(std::string_view name) {
  for (const auto& [ending, type] : kEndings) {
    if (name.size() > ending.size() && iequals(name.substr(name.size() - ending.size()), ending)) return type;
  }
  return {};
}

}  // namespace

std::string_view guess_media_type(std::string_view name, std::string_view bytes) {
  bytes = beginning_of(bytes);
  const auto found = by_first_bytes(bytes);
  const auto named = by_ending(name);
  // Office documents and the like are zip files; their name says more than their first bytes.
  if (!found.empty() && (found != "application/zip" || named.empty())) return found;
  if (!named.empty()) return named;
  const bool is_text = bytes.find('\0') == std::string_view::npos && is_utf8(bytes);
  return is_text ? "text/plain" : "application/octet-stream";
}

bool is_media_type(std::string_view text) {
  constexpr std::string_view kMarks = "!#$&-^_.+";
  const auto is_token = [&](std::string_view word) {
    return !word.empty() && std::ranges::all_of(word, [&](char c) {
      return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') || kMarks.contains(c);
    });
  };
  if (text.size() > 255 || !std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; })) return false;
  std::string_view subtype = trim(text.substr(0, text.find(';')));
  const auto type = take_until(subtype, '/');
  return is_token(type) && is_token(subtype);
}

bool fits_media_type(std::string_view type, std::string_view pattern) {
  type = trim(type.substr(0, type.find(';')));
  if (pattern == "*/*") return true;
  if (pattern.ends_with("/*")) {
    const auto group = pattern.substr(0, pattern.size() - 1);
    return type.size() > group.size() && iequals(type.substr(0, group.size()), group);
  }
  return iequals(type, pattern);
}

std::string_view ending_of(std::string_view media_type) {
  const auto type = trim(media_type.substr(0, media_type.find(';')));
  for (const auto& entry : kEndings) {
    if (iequals(entry.type, type)) return entry.ending;
  }
  return ".bin";
}

}  // namespace hekto::domain
