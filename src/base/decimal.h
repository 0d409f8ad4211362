// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace hekto {

/// The shortest decimal digits that read back as the same number: ±0.digits × 10^point. Zero has no digits.
struct Decimal {
  bool negative = false;
  std::string digits;  ///< without leading and trailing zeros
  int point = 0;

  explicit Decimal(std::int64_t number);
  explicit Decimal(double number);  ///< finite

  /// The power of ten of the first digit: 0 for 1…9.99, -1 for 0.1…
  int exponent() const { return digits.empty() ? 0 : point - 1; }
  std::string plain() const;                              ///< "1200", "0.05", "-3.5"
  std::string scientific(int min_exponent_digits) const;  ///< "1.2e+3", with two digits "1.2e+03"
};

/// Appends `number` as JSON.stringify would: the shortest form, whole numbers without fraction, an exponent below 1e-6
/// and from 1e21 on. -0 becomes 0; infinities and NaN, which JSON lacks, become null.
void append_json_number(std::string& out, double number);

}  // namespace hekto
