// SPDX-License-Identifier: Apache-2.0
#include "files/disk/disk_file_store.h"

#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/results.h"
#include "tests/support/run_task.h"
#include "tests/support/samples.h"
#include "tests/support/temp_dir.h"

namespace hekto::files {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::code_of;
using test::run_task;

class DiskFiles : public testing::Test {
 protected:
  std::unique_ptr<DiskFileStore> open() { return std::move(DiskFileStore::open(folder_, pool_).value()); }
  fs::path path_of(const ports::FileKey& key) const {
    return folder_ / key.owner.substr(24) / (key.owner + "-" + key.sha256);
  }
  static Time now() { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

  test::TempDir temp_;
  const fs::path folder_ = temp_ / "deep/er/files";
  async::BlockingPool pool_{1};
  const std::string owner_ = new_id(test::sample_time());
};

TEST_F(DiskFiles, LieUnderTheLastTwoCharactersOfTheirOwnerReadableByUsOnly) {
  const auto files = open();
  const auto key = run_task(files->put(owner_, "bytes")).value();
  ASSERT_TRUE(fs::is_regular_file(path_of(key)));
  EXPECT_EQ(fs::status(path_of(key)).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(folder_).permissions(), fs::perms::owner_all);
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(DiskFiles, ThatAreDroppedOnTheirWayInLeaveNoDraft) {
  const auto files = open();
  {
    const auto incoming = run_task(files->receive(owner_)).value();
    ASSERT_TRUE(incoming->append("half").has_value());
    EXPECT_FALSE(fs::is_empty(folder_ / "tmp"));
  }
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(DiskFiles, SurviveAReopening) {
  const auto key = run_task(open()->put(owner_, "bytes")).value();
  const auto file = run_task(open()->open(key)).value();
  EXPECT_EQ(run_task(file->read(0, 10)).value(), "bytes");
}

TEST_F(DiskFiles, StartWithoutWhatACrashLeftUnfinished) {
  open();
  std::ofstream(folder_ / "tmp" / "half") << "written";
  open();
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(DiskFiles, DoNotFollowALinkInPlaceOfAFile) {
  const auto files = open();
  const auto key = run_task(files->put(owner_, "bytes")).value();
  std::ofstream(temp_ / "secret") << "secret";
  fs::remove(path_of(key));
  fs::create_symlink(temp_ / "secret", path_of(key));
  EXPECT_EQ(code_of(run_task(files->open(key))), ErrorCode::storage);
}

TEST_F(DiskFiles, DoNotFollowALinkInPlaceOfAFolder) {
  const auto files = open();
  const auto key = run_task(files->put(owner_, "bytes")).value();
  fs::rename(path_of(key).parent_path(), temp_ / "elsewhere");
  fs::create_directory_symlink(temp_ / "elsewhere", path_of(key).parent_path());
  EXPECT_EQ(code_of(run_task(files->open(key))), ErrorCode::storage);
  EXPECT_EQ(code_of(run_task(files->put(owner_, "bytes"))), ErrorCode::storage);
  EXPECT_EQ(code_of(run_task(files->remove(key))), ErrorCode::storage);
}

TEST_F(DiskFiles, RefuseWhatIsNoRegularFile) {
  const auto files = open();
  const auto key = run_task(files->put(owner_, "bytes")).value();
  fs::remove(path_of(key));
  ASSERT_EQ(::mkfifo(path_of(key).c_str(), 0600), 0);
  EXPECT_EQ(code_of(run_task(files->open(key))), ErrorCode::storage);
}

TEST_F(DiskFiles, ShowTheirRealLengthSoThatAShortOneIsNoticed) {
  const auto files = open();
  const auto key = run_task(files->put(owner_, "0123456789")).value();
  fs::resize_file(path_of(key), 4);
  const auto file = run_task(files->open(key)).value();
  EXPECT_EQ(file->size(), 4u);
  EXPECT_EQ(run_task(file->read(0, 10)).value(), "0123");
}

TEST_F(DiskFiles, ReplaceADamagedFileWhenItIsStoredAgain) {
  const auto files = open();
  const auto key = run_task(files->put(owner_, "0123456789")).value();
  fs::resize_file(path_of(key), 4);
  ASSERT_TRUE(run_task(files->put(owner_, "0123456789")).has_value());
  EXPECT_EQ(run_task(files->open(key)).value()->size(), 10u);
}

TEST_F(DiskFiles, CountAsNewWhenTheyAreStoredAgain) {
  const auto files = open();
  const auto key = run_task(files->put(owner_, "bytes")).value();
  const timespec old[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path_of(key).c_str(), old, 0), 0);
  const auto listed = run_task(files->list(now() - 1h, 10)).value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].modified_at, from_micros(1'000'000));
  ASSERT_TRUE(run_task(files->put(owner_, "bytes")).has_value());
  EXPECT_TRUE(run_task(files->list(now() - 1h, 10)).value().empty());
}

TEST_F(DiskFiles, LeaveStrangeNamesOutOfTheList) {
  const auto files = open();
  const auto key = run_task(files->put(owner_, "bytes")).value();
  const auto shard = path_of(key).parent_path();
  std::ofstream(shard / "notes.txt") << "x";
  std::ofstream(shard / (owner_ + "-" + std::string(64, 'X'))) << "x";
  std::ofstream(folder_ / "README") << "x";
  fs::create_directory(shard / (owner_ + "-" + std::string(64, 'a')));
  fs::create_directory(folder_ / "zz");
  std::ofstream(folder_ / "zz" / path_of(key).filename()) << "in a folder that is not its own";
  const auto listed = run_task(files->list(now() + 1h, 10)).value();
  ASSERT_EQ(listed.size(), owner_.ends_with("zz") ? 2u : 1u);
}

TEST_F(DiskFiles, LeaveNothingBehindWhenTheDiskRefuses) {
  const auto files = open();
  const auto key = run_task(files->put(owner_, "first")).value();
  // A folder in the place of the file: it can be written, but not given its name.
  fs::remove(path_of(key));
  fs::create_directory(path_of(key));
  EXPECT_EQ(code_of(run_task(files->put(owner_, "first"))), ErrorCode::storage);
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(DiskFiles, CannotBeOpenedWhereAFileIsInTheWay) {
  std::ofstream(temp_ / "deep") << "x";
  const auto files = DiskFileStore::open(folder_, pool_);
  ASSERT_FALSE(files.has_value());
  EXPECT_EQ(files.error().code, ErrorCode::storage);
}

}  // namespace
}  // namespace hekto::files
