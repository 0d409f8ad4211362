// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"

#include <cstdint>
#include <cstring>

#include "base/encoding.h"

namespace hekto {
namespace {

/// Length of the run at the start of `text` that needs no look: eight bytes at a time of printable ASCII without quote
/// and backslash.
std::size_t plain_length(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  // The high bit of a byte of the result is set when that byte of `word` is zero (and perhaps above one that is).
  const auto zero_bytes = [](std::uint64_t word) { return (word - kOnes) & ~word; };
  std::size_t length = 0;
  for (std::uint64_t word = 0; length + sizeof(word) <= text.size(); length += sizeof(word)) {
    std::memcpy(&word, text.data() + length, sizeof(word));
    const std::uint64_t odd =
        word | (word - kOnes * 0x20) | zero_bytes(word ^ (kOnes * '"')) | zero_bytes(word ^ (kOnes * '\\'));
    if ((odd & kHighBits) != 0) break;
  }
  return length;
}

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  return text.size() >= length && is_utf8(text.substr(0, length)) ? length : 0;
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  std::size_t plain = 0;  // start of the run that can be copied unchanged
  for (std::size_t i = 0; i < text.size(); ++i) {
    i += plain_length(text.substr(i));
    if (i == text.size()) break;
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') continue;
    if (c >= 0x80) {
      if (const auto length = sequence_length(text.substr(i)); length > 0) {
        i += length - 1;
        continue;
      }
    }
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (c >= 0x80) {
          out += "\xEF\xBF\xBD";
        } else {
          out += "\\u00";
          out += "0123456789abcdef"[c >> 4];
          out += "0123456789abcdef"[c & 15];
        }
    }
  }
  out.append(text.substr(plain));
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

}  // namespace hekto
