// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.h"

#include <array>
#include <cstdint>

namespace hekto {
namespace {

/// The digits of an encoding and, for each byte, the digit's value or -1: ids and link tokens are read in every
/// request.
struct Alphabet {
  constexpr Alphabet(std::string_view text, int bits_a_digit) : digits(text), bits(bits_a_digit) {
    values.fill(-1);
    for (std::size_t i = 0; i < text.size(); ++i) {
      values[static_cast<unsigned char>(text[i])] = static_cast<std::int16_t>(i);
    }
  }
  std::string_view digits;
  int bits;
  std::array<std::int16_t, 256> values{};
};

constexpr Alphabet kHex("0123456789abcdef", 4);
constexpr Alphabet kBase64("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6);
constexpr Alphabet kBase64Url("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 6);
constexpr Alphabet kCrockford("0123456789abcdefghjkmnpqrstvwxyz", 5);

std::string encode_bits(std::string_view bytes, const Alphabet& alphabet) {
  const auto bits = static_cast<std::size_t>(alphabet.bits);
  const std::uint32_t mask = (1U << bits) - 1;
  std::string out((bytes.size() * 8 + bits - 1) / bits, '\0');
  char* to = out.data();
  std::uint32_t buffer = 0;
  std::size_t held = 0;
  for (const char c : bytes) {
    buffer = (buffer << 8) | static_cast<unsigned char>(c);
    for (held += 8; held >= bits;) {
      held -= bits;
      *to++ = alphabet.digits[(buffer >> held) & mask];
    }
  }
  if (held > 0) *to = alphabet.digits[(buffer << (bits - held)) & mask];
  return out;
}

std::optional<std::string> decode_bits(std::string_view text, const Alphabet& alphabet) {
  const auto bits = static_cast<std::size_t>(alphabet.bits);
  std::string out(text.size() * bits / 8, '\0');
  char* to = out.data();
  std::uint32_t buffer = 0;
  std::size_t held = 0;
  for (const char c : text) {
    const int digit = alphabet.values[static_cast<unsigned char>(c)];
    if (digit < 0) return std::nullopt;
    buffer = (buffer << bits) | static_cast<std::uint32_t>(digit);
    held += bits;
    if (held >= 8) {
      held -= 8;
      *to++ = static_cast<char>(buffer >> held);
    }
  }
  // A digit too many, or bits that would be lost.
  if (held >= bits || (buffer & ((1U << held) - 1)) != 0) return std::nullopt;
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string hex_encode(std::string_view bytes) { return encode_bits(bytes, kHex); }

std::optional<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out = encode_bits(bytes, kBase64);
  while (out.size() % 4 != 0) out += '=';
  return out;
}

std::string base64url_encode(std::string_view bytes) { return encode_bits(bytes, kBase64Url); }

std::optional<std::string> base64url_decode(std::string_view text) { return decode_bits(text, kBase64Url); }

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 == 0) {
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  return decode_bits(text, kBase64);
}

std::string base32_encode(std::string_view bytes) { return encode_bits(bytes, kCrockford); }

std::optional<std::string> base32_decode(std::string_view text, std::size_t size) {
  if (text.size() != (size * 8 + 4) / 5) return std::nullopt;
  return decode_bits(text, kCrockford);
}

bool is_base32(std::string_view text, std::size_t size) {
  if (text.size() != (size * 8 + 4) / 5) return false;
  int last = 0;
  for (const char c : text) {
    last = kCrockford.values[static_cast<unsigned char>(c)];
    if (last < 0) return false;
  }
  const std::size_t spare_bits = text.size() * 5 - size * 8;
  return (last & ((1 << spare_bits) - 1)) == 0;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4];
      out += "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = 1;
    std::uint32_t code = lead;
    if (lead >= 0x80) {
      if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
        code = lead & 0x1F;
      } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        code = lead & 0x0F;
      } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        code = lead & 0x07;
      } else {
        return false;
      }
      if (i + length > text.size()) return false;
      for (std::size_t k = 1; k < length; ++k) {
        const auto next = static_cast<unsigned char>(text[i + k]);
        if ((next & 0xC0) != 0x80) return false;
        code = (code << 6) | (next & 0x3F);
      }
      constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
      if (code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace hekto
