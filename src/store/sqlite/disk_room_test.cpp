// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/disk_room.h"

#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace hekto::store {
namespace {

TEST(DiskRoom, GoesBelowTheReserveAndComesBackByItself) {
  std::uint64_t free = 1000;
  const DiskRoom room([&free] { return free; }, 1000, Duration{});
  EXPECT_TRUE(room.enough());
  free = 999;
  EXPECT_FALSE(room.enough());
  free = 1000;
  EXPECT_TRUE(room.enough());
}

TEST(DiskRoom, AsksTheFileSystemNoMoreOftenThanTold) {
  int asked = 0;
  const DiskRoom room(
      [&asked] {
        ++asked;
        return std::uint64_t{0};
      },
      1, std::chrono::hours(1));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(room.enough());
  EXPECT_EQ(asked, 1);
}

TEST(DiskRoom, WithoutAReserveNeverAsks) {
  const DiskRoom room(
      []() -> std::uint64_t {
        ADD_FAILURE() << "asked";
        return 0;
      },
      0, Duration{});
  EXPECT_TRUE(room.enough());
}

TEST(DiskRoom, ReadsTheFreeBytesOfAFolder) {
  const test::TempDir folder;
  EXPECT_GT(free_bytes(folder.path()), 0U);
  EXPECT_EQ(free_bytes(folder.path() / "missing"), UINT64_MAX);
}

}  // namespace
}  // namespace hekto::store
