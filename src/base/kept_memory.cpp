// SPDX-License-Identifier: Apache-2.0
#include "base/kept_memory.h"

#include <mutex>

namespace hekto {
namespace {

/// Up to this size; whatever is larger is no small record.
constexpr std::size_t kLargest = 512;
/// Records that are asked of the system at once, at most.
constexpr std::size_t kAtOnce = 1'024;

class KeptMemory final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    std::scoped_lock lock(mutex_);
    return pools_.allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::scoped_lock lock(mutex_);
    pools_.deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::mutex mutex_;
  std::pmr::unsynchronized_pool_resource pools_{{kAtOnce, kLargest}, std::pmr::new_delete_resource()};
};

}  // namespace

std::pmr::memory_resource& kept_memory() {
  // Outlives all that uses it.
  static auto& memory = *new KeptMemory;
  return memory;
}

}  // namespace hekto
