// SPDX-License-Identifier: Apache-2.0
#include "base/ids.h"

#include "base/encoding.h"
#include "base/random.h"

namespace hekto {

std::string new_id(Time now) {
  std::string bytes(16, '\0');
  auto millis = static_cast<std::uint64_t>(to_micros(now) / 1000);
  for (int i = 5; i >= 0; --i, millis >>= 8) bytes[static_cast<std::size_t>(i)] = static_cast<char>(millis & 0xFF);
  random_bytes(std::as_writable_bytes(std::span(bytes)).subspan(6));
  return base32_encode(bytes);
}

bool is_id(std::string_view text) { return is_base32(text, 16); }

std::string id_to_bytes(std::string_view id) { return base32_decode(id, 16).value_or(std::string(16, '\0')); }

std::string id_from_bytes(std::string_view bytes) { return base32_encode(bytes); }

}  // namespace hekto
