// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "domain/hardware.h"

namespace hekto::app {

// Texts of a configuration <-> values. The errors are phrases that go behind an option's name: "expects a size such as
// 16MiB, got 'many'".

/// "16MiB", "64KiB", "1GiB", "500kB", "2MB", "1GB", "4096" or "4096B".
Result<std::size_t> parse_size(std::string_view text);
Result<Duration> parse_span(std::string_view text);
/// Digits only.
Result<std::size_t> parse_count(std::string_view text);
/// A decimal fraction, not negative.
Result<double> parse_factor(std::string_view text);
/// http:// or https:// with a host and perhaps a port and nothing else (one closing '/' is dropped), in lower case.
Result<std::string> parse_origin(std::string_view text);
/// "gpu-t4=Nvidia T4 GPU": a sku of lower-case letters, digits, '-', '_' and '.', and a name for people.
Result<domain::Hardware> parse_hardware(std::string_view text);
/// "image/png", "image/*" or "*/*".
Result<std::string> parse_media_pattern(std::string_view text);
/// An IPv4 or IPv6 address, or a block of them such as 10.0.0.0/8.
Result<std::string> parse_network(std::string_view text);
/// A port, or first and last of a range.
Result<std::pair<std::uint16_t, std::uint16_t>> parse_ports(std::string_view text);

std::string format_size(std::size_t bytes);  ///< "16KiB"; bytes when no larger unit divides it
std::string format_span(Duration span);      ///< "1h30m"; "0s"
std::string format_factor(double factor);    ///< "1", "0.5"

/// "expects <what>, got '<text>'", the text cut and made printable.
std::unexpected<Error> unexpected_text(std::string_view what, std::string_view text);

}  // namespace hekto::app
