// SPDX-License-Identifier: Apache-2.0
#include "base/decimal.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace hekto {
namespace {

void drop_trailing_zeros(std::string& digits) { digits.erase(digits.find_last_not_of('0') + 1); }

}  // namespace

Decimal::Decimal(std::int64_t number) : negative(number < 0) {
  if (number == 0) return;
  digits = std::to_string(number).substr(negative ? 1 : 0);
  point = static_cast<int>(digits.size());
  drop_trailing_zeros(digits);
}

Decimal::Decimal(double number) : negative(std::signbit(number)) {
  if (number == 0) return;
  std::array<char, 40> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(number), std::chars_format::scientific).ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const auto e = text.find('e');
  for (const char c : text.substr(0, e)) {
    if (c != '.') digits += c;
  }
  const auto exponent = text.substr(e + (text[e + 1] == '+' ? 2 : 1));
  int power = 0;
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), power);
  point = power + 1;
  drop_trailing_zeros(digits);
}

std::string Decimal::plain() const {
  std::string out = negative ? "-" : "";
  if (digits.empty()) return out + "0";
  const auto size = static_cast<int>(digits.size());
  if (point <= 0) return out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  if (point >= size) return out.append(digits).append(static_cast<std::size_t>(point - size), '0');
  const auto whole = static_cast<std::size_t>(point);
  return out.append(digits, 0, whole).append(".").append(digits, whole);
}

std::string Decimal::scientific(int min_exponent_digits) const {
  std::string out = negative ? "-" : "";
  out += digits.empty() ? '0' : digits.front();
  if (digits.size() > 1) out.append(".").append(digits, 1);
  const std::string power = std::to_string(std::abs(exponent()));
  out += exponent() < 0 ? "e-" : "e+";
  for (auto i = static_cast<int>(power.size()); i < min_exponent_digits; ++i) out += '0';
  return out + power;
}

void append_json_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
  } else if (number == 0) {
    out += '0';
  } else {
    const Decimal decimal(number);
    out += decimal.exponent() < -6 || decimal.exponent() >= 21 ? decimal.scientific(1) : decimal.plain();
  }
}

}  // namespace hekto
