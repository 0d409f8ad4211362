// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace hekto {

/// Fills `out` from the operating system's cryptographic source, through a per-thread buffer (one refill a 4 KiB).
/// Any thread. Throws std::runtime_error when the source fails.
void random_bytes(std::span<std::byte> out);

std::string random_string_bytes(std::size_t count);

}  // namespace hekto
