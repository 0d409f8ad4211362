// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <future>
#include <set>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/hash.h"
#include "files/disk/disk_file_store.h"
#include "tests/support/faulty_file_store.h"
#include "tests/support/memory_file_store.h"
#include "tests/support/results.h"
#include "tests/support/run_task.h"
#include "tests/support/samples.h"
#include "tests/support/temp_dir.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;

class FileStoreHarness {
 public:
  virtual ~FileStoreHarness() = default;
  virtual ports::FileStore& files() = 0;
};

class DiskHarness final : public FileStoreHarness {
 public:
  ports::FileStore& files() override { return *files_; }

 private:
  TempDir folder_;
  async::BlockingPool pool_{2};
  std::unique_ptr<files::DiskFileStore> files_ =
      std::move(files::DiskFileStore::open(folder_ / "files", pool_).value());
};

class MemoryHarness final : public FileStoreHarness {
 public:
  ports::FileStore& files() override { return files_; }

 private:
  MemoryFileStore files_;
};

class FaultyHarness final : public FileStoreHarness {
 public:
  ports::FileStore& files() override { return files_; }

 private:
  MemoryFileStore inner_;
  FaultyFileStore files_{inner_};
};

struct FileStoreKind {
  std::string name;
  std::function<std::unique_ptr<FileStoreHarness>()> make;
  friend void PrintTo(const FileStoreKind& kind, std::ostream* out) { *out << kind.name; }
};

class FileStoreContract : public testing::TestWithParam<FileStoreKind> {
 protected:
  ports::FileStore& files() { return harness_->files(); }
  ports::FileKey put(const std::string& bytes) { return run_task(files().put(owner_, bytes)).value(); }
  std::string content(const ports::FileKey& key) {
    const auto file = run_task(files().open(key)).value();
    return run_task(file->read(0, static_cast<std::size_t>(file->size()))).value();
  }
  std::optional<ErrorCode> open_error(const ports::FileKey& key) { return code_of(run_task(files().open(key))); }
  static Time tomorrow() { return std::chrono::floor<Duration>(std::chrono::system_clock::now()) + 24h; }

  const std::string owner_ = new_id(sample_time());

 private:
  std::unique_ptr<FileStoreHarness> harness_ = GetParam().make();
};

TEST_P(FileStoreContract, NamesAFileByItsContentWithinItsOwner) {
  const std::string bytes("some \0 bytes", 12);
  const auto key = put(bytes);
  EXPECT_EQ(key, (ports::FileKey{owner_, hex_encode(sha256(bytes))}));
  EXPECT_EQ(content(key), bytes);
}

TEST_P(FileStoreContract, KeepsEmptyAndLargeFiles) {
  EXPECT_EQ(content(put("")), "");
  const std::string large(3'000'000, 'x');
  EXPECT_EQ(content(put(large)), large);
}

TEST_P(FileStoreContract, TakesAFileInPieces) {
  const auto incoming = run_task(files().receive(owner_)).value();
  ASSERT_TRUE(incoming->append("some ").has_value());
  ASSERT_TRUE(incoming->append("").has_value());
  ASSERT_TRUE(incoming->append("bytes").has_value());
  EXPECT_EQ(incoming->size(), 10u);
  EXPECT_TRUE(run_task(files().list(tomorrow(), 10)).value().empty());
  const auto key = run_task(incoming->finish()).value();
  EXPECT_EQ(key, (ports::FileKey{owner_, hex_encode(sha256("some bytes"))}));
  EXPECT_EQ(content(key), "some bytes");
  EXPECT_EQ(put("some bytes"), key);
}

TEST_P(FileStoreContract, ShowsWhatHasComeOfAFileOnItsWayIn) {
  const auto incoming = run_task(files().receive(owner_)).value();
  const auto content = incoming->content();
  EXPECT_EQ(content->size(), 0u);
  EXPECT_EQ(run_task(content->read(0, 100)).value(), "");
  ASSERT_TRUE(incoming->append("some ").has_value());
  EXPECT_EQ(content->size(), 5u);
  EXPECT_EQ(run_task(content->read(0, 100)).value(), "some ");
  ASSERT_TRUE(incoming->append("bytes").has_value());
  EXPECT_EQ(content->size(), 10u);
  EXPECT_EQ(run_task(content->read(3, 4)).value(), "e by");
  EXPECT_EQ(run_task(content->read(10, 1)).value(), "");
  ASSERT_TRUE(run_task(incoming->finish()).has_value());
  EXPECT_EQ(run_task(content->read(0, 100)).value(), "some bytes") << "also once it has its name";
}

TEST_P(FileStoreContract, KeepsWhatHasComeReadableWhenTheFileIsDropped) {
  std::shared_ptr<ports::StoredFile> content;
  {
    const auto incoming = run_task(files().receive(owner_)).value();
    ASSERT_TRUE(incoming->append("half").has_value());
    content = incoming->content();
  }
  EXPECT_EQ(content->size(), 4u);
  EXPECT_EQ(run_task(content->read(0, 100)).value(), "half");
}

TEST_P(FileStoreContract, IsReadByOthersWhileItGrows) {
  const auto incoming = run_task(files().receive(owner_)).value();
  const auto content = incoming->content();
  constexpr std::uint64_t kWhole = 400'000;
  auto reader = std::async(std::launch::async, [&] {
    std::string got;
    while (got.size() < kWhole) got += run_task(content->read(got.size(), 50'000)).value();
    return got;
  });
  std::string sent;
  for (int i = 0; sent.size() < kWhole; ++i) {
    const std::string piece(1000, static_cast<char>('a' + i % 26));
    sent += piece;
    ASSERT_TRUE(incoming->append(piece).has_value());
  }
  EXPECT_TRUE(reader.get() == sent) << "never a byte before it is written";
}

TEST_P(FileStoreContract, TakesInPiecesWhatIsThereAlready) {
  const auto key = put("twice");
  const auto incoming = run_task(files().receive(owner_)).value();
  ASSERT_TRUE(incoming->append("twice").has_value());
  EXPECT_EQ(run_task(incoming->finish()).value(), key);
  EXPECT_EQ(content(key), "twice");
}

TEST_P(FileStoreContract, KeepsNothingOfAFileThatIsDroppedOnItsWayIn) {
  {
    const auto incoming = run_task(files().receive(owner_)).value();
    ASSERT_TRUE(incoming->append("half").has_value());
  }
  EXPECT_TRUE(run_task(files().list(tomorrow(), 10)).value().empty());
  EXPECT_EQ(open_error({owner_, hex_encode(sha256("half"))}), ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(files().receive("../elsewhere"))), ErrorCode::invalid_input);
}

TEST_P(FileStoreContract, StoresTheSameTwiceWithoutError) {
  const auto key = put("twice");
  EXPECT_EQ(put("twice"), key);
  EXPECT_EQ(content(key), "twice");
  EXPECT_EQ(run_task(files().list(tomorrow(), 10)).value().size(), 1u);
}

TEST_P(FileStoreContract, NeverSharesBytesBetweenOwners) {
  const auto mine = put("shared");
  const auto theirs = run_task(files().put(new_id(sample_time()), "shared")).value();
  EXPECT_EQ(mine.sha256, theirs.sha256);
  ASSERT_TRUE(run_task(files().remove(mine)).has_value());
  EXPECT_EQ(open_error(mine), ErrorCode::not_found);
  EXPECT_EQ(content(theirs), "shared");
}

TEST_P(FileStoreContract, RefusesAMalformedOwner) {
  for (const std::string owner : {"", "../../../../etc/passwd0000", "short", "0000000000000000000000000/"}) {
    EXPECT_EQ(code_of(run_task(files().put(owner, "bytes"))), ErrorCode::invalid_input) << owner;
  }
}

TEST_P(FileStoreContract, DoesNotFindWhatIsNotThere) {
  const auto key = put("here");
  EXPECT_EQ(open_error({owner_, std::string(64, '0')}), ErrorCode::not_found);
  EXPECT_EQ(open_error({new_id(sample_time()), key.sha256}), ErrorCode::not_found);
  EXPECT_EQ(open_error({owner_, ""}), ErrorCode::not_found);
  EXPECT_EQ(open_error({"", key.sha256}), ErrorCode::not_found);
  EXPECT_EQ(open_error({owner_, "../" + key.sha256.substr(3)}), ErrorCode::not_found);
}

TEST_P(FileStoreContract, ReadsAnyPart) {
  const auto file = run_task(files().open(put("0123456789"))).value();
  EXPECT_EQ(file->size(), 10u);
  EXPECT_EQ(run_task(file->read(0, 4)).value(), "0123");
  EXPECT_EQ(run_task(file->read(4, 100)).value(), "456789") << "shorter only at the end";
  EXPECT_EQ(run_task(file->read(10, 1)).value(), "");
  EXPECT_EQ(run_task(file->read(~std::uint64_t{0}, 1)).value(), "");
  EXPECT_EQ(run_task(file->read(3, 0)).value(), "");
}

TEST_P(FileStoreContract, GivesADescriptorOfTheBytesOrNone) {
  const auto file = run_task(files().open(put("by descriptor"))).value();
  if (file->descriptor() < 0) return;
  char bytes[32] = {};
  ASSERT_EQ(::pread(file->descriptor(), bytes, sizeof bytes, 0), 13);
  EXPECT_STREQ(bytes, "by descriptor");
}

TEST_P(FileStoreContract, KeepsAnOpenFileReadableAfterItsRemoval) {
  const auto key = put("still here");
  const auto file = run_task(files().open(key)).value();
  ASSERT_TRUE(run_task(files().remove(key)).has_value());
  EXPECT_EQ(open_error(key), ErrorCode::not_found);
  EXPECT_EQ(run_task(file->read(0, 100)).value(), "still here");
}

TEST_P(FileStoreContract, RemovesWhatIsNotThereWithoutError) {
  EXPECT_TRUE(run_task(files().remove({owner_, std::string(64, 'a')})).has_value());
  EXPECT_TRUE(run_task(files().remove({"no owner", "no hash"})).has_value());
}

TEST_P(FileStoreContract, ListsWhatWasModifiedBeforeTheGivenTime) {
  EXPECT_TRUE(run_task(files().list(tomorrow(), 10)).value().empty());
  const auto key = put("listed");
  const auto listed = run_task(files().list(tomorrow(), 10)).value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].key, key);
  EXPECT_EQ(listed[0].size, 6u);
  EXPECT_LT(listed[0].modified_at, tomorrow() - 23h);
  EXPECT_GT(listed[0].modified_at, tomorrow() - 25h);
  EXPECT_TRUE(run_task(files().list(listed[0].modified_at, 10)).value().empty()) << "before, not at";
  EXPECT_EQ(run_task(files().list(listed[0].modified_at + 1us, 10)).value().size(), 1u);
}

TEST_P(FileStoreContract, ComesToEveryFileInTimeWithASmallLimit) {
  std::set<std::string> all;
  for (int i = 0; i < 20; ++i) {
    const auto key = run_task(files().put(i % 2 == 0 ? owner_ : new_id(sample_time()), std::to_string(i))).value();
    all.insert(key.owner + key.sha256);
  }
  std::set<std::string> seen;
  for (int call = 0; call < 7; ++call) {
    const auto some = run_task(files().list(tomorrow(), 3)).value();
    EXPECT_EQ(some.size(), 3u);
    for (const auto& info : some) seen.insert(info.key.owner + info.key.sha256);
  }
  EXPECT_EQ(seen, all);
  EXPECT_EQ(run_task(files().list(tomorrow(), 100)).value().size(), 20u) << "each once, wherever it begins";
}

TEST_P(FileStoreContract, StoresFromManyThreadsAtOnce) {
  std::vector<std::future<void>> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.push_back(std::async(std::launch::async, [this] {
      for (int i = 0; i < 20; ++i) {
        // All writers store the same twenty files.
        const auto bytes = "file " + std::to_string(i);
        EXPECT_EQ(content(put(bytes)), bytes);
      }
    }));
  }
  for (auto& writer : writers) writer.get();
  EXPECT_EQ(run_task(files().list(tomorrow(), 100)).value().size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(Every, FileStoreContract,
                         testing::Values(FileStoreKind{"Disk", [] { return std::make_unique<DiskHarness>(); }},
                                         FileStoreKind{"Memory", [] { return std::make_unique<MemoryHarness>(); }},
                                         FileStoreKind{"FaultyWithoutFaults",
                                                       [] { return std::make_unique<FaultyHarness>(); }}),
                         [](const auto& kind) { return kind.param.name; });

TEST(FaultyFileStore, FailsTheCallThatWasPlannedAndNoOther) {
  MemoryFileStore inner;
  FaultyFileStore files(inner);
  const auto owner = new_id(sample_time());
  files.plan().fail("put", 2, {ErrorCode::storage, "disk full"});
  files.plan().lose_answer("put", 3, {ErrorCode::timeout, "no answer"});
  EXPECT_TRUE(run_task(files.put(owner, "1")).has_value());
  EXPECT_EQ(run_task(files.put(owner, "2")).error().message, "disk full");
  EXPECT_EQ(inner.size(), 1u) << "a failed call is not made";
  EXPECT_EQ(run_task(files.put(owner, "3")).error().message, "no answer");
  EXPECT_EQ(inner.size(), 2u) << "a call whose answer is lost is made";
  EXPECT_TRUE(run_task(files.put(owner, "4")).has_value());
  EXPECT_EQ(files.plan().calls("put"), 4);
}

}  // namespace
}  // namespace hekto::test
