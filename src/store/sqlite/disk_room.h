// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/time.h"

namespace hekto::store {

/// Free bytes of the file system that `path` lies on, as a process without privileges may use them; the largest number
/// when it cannot tell, so that a file system without such figures never stops the server.
std::uint64_t free_bytes(const std::filesystem::path& path);

/// Whether the disk has its reserve left. A database that meets a full disk in the middle of a commit must stop, since
/// what reached the disk is unknown; so new work is refused while there is still room to finish what was accepted.
class DiskRoom {
 public:
  /// `free` says how many bytes are free, and is asked at most once in `every`. A reserve of 0 is always there.
  DiskRoom(std::function<std::uint64_t()> free, std::uint64_t reserve, Duration every = std::chrono::seconds(1));

  /// Logs each change. Any thread; takes a microsecond when it asks.
  bool enough() const;

 private:
  const std::function<std::uint64_t()> free_;
  const std::uint64_t reserve_;
  const Duration every_;
  mutable std::atomic<std::int64_t> next_{0};  // microseconds of the monotonic clock
  mutable std::atomic<bool> enough_{true};
};

}  // namespace hekto::store
