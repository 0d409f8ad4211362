// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/disk_room.h"

#include <chrono>
#include <limits>
#include <sys/statvfs.h>
#include <utility>

#include "base/log.h"

namespace hekto::store {

std::uint64_t free_bytes(const std::filesystem::path& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0 || info.f_blocks == 0) return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

DiskRoom::DiskRoom(std::function<std::uint64_t()> free, std::uint64_t reserve, Duration every)
    : free_(std::move(free)), reserve_(reserve), every_(every) {}

bool DiskRoom::enough() const {
  if (reserve_ == 0) return true;
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  const auto now = duration_cast<microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  auto due = next_.load(std::memory_order_relaxed);
  // One caller asks; the others go by the answer before it, which is no older than `every_`.
  if (now < due || !next_.compare_exchange_strong(due, now + duration_cast<microseconds>(every_).count())) {
    return enough_.load(std::memory_order_relaxed);
  }
  const auto free = free_();
  const bool enough = free >= reserve_;
  if (enough_.exchange(enough) != enough) {
    if (enough) {
      log::info("the disk has room again: new work is accepted", {{"free", std::to_string(free)}});
    } else {
      log::error("the disk is nearly full: no new work is accepted",
                 {{"free", std::to_string(free)}, {"reserve", std::to_string(reserve_)}});
    }
  }
  return enough;
}

}  // namespace hekto::store
