// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory_resource>
#include <string>

namespace hekto {

/// Memory for small records that are kept for hours while much around them comes and goes. They lie close together:
/// strewn among the rest, each would keep a page of it. What is given back here is kept for the next ones. Any thread.
std::pmr::memory_resource& kept_memory();

/// An allocator of kept_memory(), for containers and std::allocate_shared.
template <class T>
struct KeptAllocator {
  using value_type = T;
  KeptAllocator() = default;
  template <class U>
  KeptAllocator(const KeptAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(kept_memory().allocate(n * sizeof(T), alignof(T))); }
  void deallocate(T* p, std::size_t n) { kept_memory().deallocate(p, n * sizeof(T), alignof(T)); }
  friend bool operator==(const KeptAllocator&, const KeptAllocator&) { return true; }
};

using KeptText = std::basic_string<char, std::char_traits<char>, KeptAllocator<char>>;

}  // namespace hekto
