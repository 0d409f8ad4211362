// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <array>
#include <cstring>
#include <stdexcept>

#include <openssl/rand.h>

namespace hekto {

void random_bytes(std::span<std::byte> out) {
  // RAND_bytes costs about 2 us a call whatever its length, so it is asked for 4 KiB at a time.
  static thread_local std::array<std::byte, 4096> pool;
  static thread_local std::size_t used = pool.size();
  while (!out.empty()) {
    if (used == pool.size()) {
      if (RAND_bytes(reinterpret_cast<unsigned char*>(pool.data()), static_cast<int>(pool.size())) != 1) {
        throw std::runtime_error("the system's random source failed");
      }
      used = 0;
    }
    const std::size_t n = std::min(out.size(), pool.size() - used);
    std::memcpy(out.data(), pool.data() + used, n);
    std::memset(pool.data() + used, 0, n);  // bytes that became a secret do not stay behind
    used += n;
    out = out.subspan(n);
  }
}

std::string random_string_bytes(std::size_t count) {
  std::string out(count, '\0');
  random_bytes(std::as_writable_bytes(std::span(out)));
  return out;
}

}  // namespace hekto
