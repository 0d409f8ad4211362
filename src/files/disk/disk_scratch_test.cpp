// SPDX-License-Identifier: Apache-2.0
#include "files/disk/disk_scratch.h"

#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/support/results.h"
#include "tests/support/run_task.h"
#include "tests/support/temp_dir.h"

namespace hekto::files {
namespace {

namespace fs = std::filesystem;
using test::code_of;
using test::run_task;

class Scratch : public testing::Test {
 protected:
  test::TempDir temp_;
  const fs::path folder_ = temp_ / "data/scratch";
  async::BlockingPool pool_{1};
};

TEST_F(Scratch, KeepsBytesWithoutANameToFindThemBy) {
  const auto scratch = DiskScratch::open(folder_, pool_).value();
  EXPECT_EQ(fs::status(folder_).permissions(), fs::perms::owner_all);
  const auto file = run_task(scratch->make()).value();
  EXPECT_EQ(file->size(), 0u);
  ASSERT_TRUE(file->append("some "));
  ASSERT_TRUE(file->append("bytes"));
  EXPECT_EQ(file->size(), 10u);
  EXPECT_EQ(run_task(file->read(0, 100)).value(), "some bytes");
  EXPECT_EQ(run_task(file->read(5, 2)).value(), "by");
  EXPECT_EQ(run_task(file->read(11, 2)).value(), "");
  EXPECT_TRUE(fs::is_empty(folder_)) << "a crash at this moment leaves nothing";
  struct stat info{};
  ASSERT_EQ(::fstat(file->descriptor(), &info), 0);
  EXPECT_EQ(info.st_nlink, 0u);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(Scratch, GivesEveryoneAFileOfTheirOwn) {
  const auto scratch = DiskScratch::open(folder_, pool_).value();
  const auto one = run_task(scratch->make()).value();
  const auto two = run_task(scratch->make()).value();
  ASSERT_TRUE(one->append("one"));
  EXPECT_EQ(two->size(), 0u);
}

TEST_F(Scratch, StartsWithoutWhatACrashLeft) {
  fs::create_directories(folder_);
  std::ofstream(folder_ / "half") << "written";
  ASSERT_TRUE(DiskScratch::open(folder_, pool_));
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Scratch, SaysThatItsFolderCannotBeUsed) {
  std::ofstream(temp_ / "file") << "x";
  EXPECT_EQ(code_of(DiskScratch::open(temp_ / "file" / "scratch", pool_)), ErrorCode::storage);
  EXPECT_EQ(code_of(DiskScratch::open(temp_ / "file", pool_)), ErrorCode::storage);
}

}  // namespace
}  // namespace hekto::files
