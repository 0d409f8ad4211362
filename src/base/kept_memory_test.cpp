// SPDX-License-Identifier: Apache-2.0
#include "base/kept_memory.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace hekto {
namespace {

struct Record {
  char text[200] = {};
};

TEST(KeptMemory, RecordsLieCloseTogetherWhateverComesBetweenThem) {
  std::vector<std::shared_ptr<Record>> records;
  std::vector<std::unique_ptr<char[]>> between;
  std::set<std::uintptr_t> pages;
  for (int i = 0; i < 4'096; ++i) {
    records.push_back(std::allocate_shared<Record>(KeptAllocator<Record>()));
    between.push_back(std::make_unique<char[]>(4'096));
    pages.insert(reinterpret_cast<std::uintptr_t>(records.back().get()) >> 12);
  }
  EXPECT_LE(pages.size(), 4'096u / 8) << "at least eight of them on a page";
}

TEST(KeptMemory, IsForAnyThreadAndTakenBackFromAnyOther) {
  using Map = std::map<int, KeptText, std::less<>, KeptAllocator<std::pair<const int, KeptText>>>;
  std::vector<Map> maps(4);
  std::vector<std::jthread> threads;
  for (auto& map : maps) {
    threads.emplace_back([&map] {
      for (int i = 0; i < 2'000; ++i) map.emplace(i, KeptText(static_cast<std::size_t>(i % 100), 'x'));
    });
  }
  threads.clear();
  for (const auto& map : maps) {
    for (const auto& [i, text] : map) EXPECT_EQ(text.size(), static_cast<std::size_t>(i % 100));
  }
  for (auto& map : maps) threads.emplace_back([&map] { map.clear(); });
  threads.clear();
  for (const auto& map : maps) EXPECT_TRUE(map.empty());
}

}  // namespace
}  // namespace hekto
