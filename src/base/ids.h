// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

namespace hekto {

/// A prediction id: 26 characters of lower-case Crockford base32 holding 48 bits of milliseconds since 1970 and then
/// 80 random bits. Time first keeps index pages hot: inserts are 6 times cheaper than with random ids.
/// Ids made by one thread within one millisecond are in no particular order.
std::string new_id(Time now);

/// True for 26 characters of the alphabet; says nothing about existence.
bool is_id(std::string_view text);

/// The 16 bytes behind an id, and back. `id` must satisfy is_id; otherwise 16 zero bytes.
std::string id_to_bytes(std::string_view id);
std::string id_from_bytes(std::string_view bytes);

}  // namespace hekto
