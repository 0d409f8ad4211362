// SPDX-License-Identifier: Apache-2.0
// What is on the disk: opening, refusing, reopening, crashes and disks that refuse.
#include <csignal>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "store/sqlite/sqlite_store.h"
#include "tests/support/results.h"
#include "tests/support/run_task.h"
#include "tests/support/samples.h"
#include "tests/support/temp_dir.h"

namespace hekto::store {
namespace {

namespace fs = std::filesystem;
using test::code_of;
using test::run_task;
using test::sample_prediction;

std::string read_file(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

void write_file(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

void execute(const fs::path& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

class SqliteFiles : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open() { return std::move(SqliteStore::open(folder_).value()); }
  Error refusal() const {
    auto store = SqliteStore::open(folder_);
    return store ? Error{ErrorCode::internal, "it was opened"} : store.error();
  }
  void expect_refused_and_left_alone(const std::string& reason) const {
    const auto before = read_file(database_);
    const auto error = refusal();
    EXPECT_EQ(error.code, ErrorCode::storage);
    EXPECT_EQ(error.message, "the database " + database_.string() + " cannot be used: " + reason);
    EXPECT_EQ(read_file(database_), before);
  }

  test::TempDir temp_;
  const fs::path folder_ = temp_ / "deep/er/data";
  const fs::path database_ = folder_ / "hekto.db";
};

TEST_F(SqliteFiles, AreCreatedForTheirOwnerOnly) {
  const auto store = open();
  EXPECT_EQ(fs::status(folder_).permissions(), fs::perms::owner_all);
  const auto ours = fs::perms::owner_read | fs::perms::owner_write;
  for (const char* name : {"hekto.db", "hekto.db-wal", "hekto.db-shm", "lock"}) {
    EXPECT_EQ(fs::status(folder_ / name).permissions(), ours) << name;
  }
}

TEST_F(SqliteFiles, AreRefusedToASecondStoreWhichLearnsThePid) {
  const auto first = open();
  const auto error = refusal();
  EXPECT_EQ(error.code, ErrorCode::unavailable);
  EXPECT_EQ(error.message, "the data folder " + folder_.string() + " is in use by another hekto (pid " +
                               std::to_string(::getpid()) + ")");
}

TEST_F(SqliteFiles, AreFreeAgainOnceTheStoreIsClosed) {
  open();
  open();
  EXPECT_FALSE(fs::exists(folder_ / "hekto.db-wal")) << "closing folds the log into the database";
}

TEST_F(SqliteFiles, HoldEverythingAfterAReopening) {
  const auto p = sample_prediction();
  domain::Account account{test::sample_account(), "acme", test::sample_time()};
  {
    const auto store = open();
    ASSERT_TRUE(run_task(store->create_account(account)).has_value());
    ASSERT_TRUE(run_task(store->create_prediction(p)).has_value());
    ASSERT_TRUE(run_task(store->claim(p.id, test::sample_time())).has_value());
    ASSERT_TRUE(run_task(store->setting("name", "value")).has_value());
  }
  const auto store = open();
  EXPECT_EQ(run_task(store->list_accounts()).value(), std::vector{account});
  EXPECT_EQ(run_task(store->find_prediction(p.id)).value().epoch, 1);
  EXPECT_EQ(run_task(store->unfinished("", 10)).value().size(), 1u);
  EXPECT_EQ(run_task(store->setting("name", "other")).value(), "value");
}

TEST_F(SqliteFiles, HoldEverythingThatWasAnsweredBeforeACrash) {
  std::vector<domain::Prediction> predictions;
  for (int i = 0; i < 50; ++i) predictions.push_back(sample_prediction());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto store = SqliteStore::open(folder_);
    bool fine = store.has_value();
    for (const auto& p : predictions) fine = fine && run_task((*store)->create_prediction(p)).has_value();
    // Ends without closing anything.
    ::_exit(fine ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto store = open();
  for (const auto& p : predictions) EXPECT_EQ(run_task(store->find_prediction(p.id)).value(), p);
}

TEST_F(SqliteFiles, HoldNothingOfAPurgedPredictionAnyMore) {
  const std::string words = "a sentence that only its author knows ";
  std::string large;
  while (large.size() < 50'000) large += words;
  {
    const auto store = open();
    for (const auto& input : {words, large}) {
      auto p = sample_prediction();
      p.input = p.logs = input;
      p.output = {true, {input}, {}};
      ASSERT_TRUE(run_task(store->create_prediction(p)).has_value());
      ASSERT_TRUE(run_task(store->end(p.id, domain::Canceled{}, test::sample_time())).has_value());
    }
  }
  ASSERT_NE(read_file(database_).find(words), std::string::npos);
  const auto later = test::sample_time() + std::chrono::hours(1);
  EXPECT_EQ(run_task(open()->purge(later, 10, later)).value().size(), 2u);
  EXPECT_EQ(read_file(database_).find(words), std::string::npos);
}

TEST_F(SqliteFiles, AreMadeAnewAfterACrashDuringTheirCreation) {
  fs::create_directories(folder_);
  write_file(folder_ / "hekto.db.new", "half of a database");
  write_file(folder_ / "hekto.db.new-journal", "half of a journal");
  const auto store = open();
  EXPECT_TRUE(run_task(store->create_prediction(sample_prediction())).has_value());
  EXPECT_FALSE(fs::exists(folder_ / "hekto.db.new"));
  EXPECT_FALSE(fs::exists(folder_ / "hekto.db.new-journal"));
}

TEST_F(SqliteFiles, AreRefusedWhenTheDatabaseIsEmpty) {
  open();
  write_file(database_, "");
  expect_refused_and_left_alone("it is empty");
}

TEST_F(SqliteFiles, AreRefusedWhenTheHeaderIsDamaged) {
  open();
  auto bytes = read_file(database_);
  bytes.replace(0, 16, "something other!");
  write_file(database_, bytes);
  expect_refused_and_left_alone("file is not a database (SQLite code 26)");
}

TEST_F(SqliteFiles, AreRefusedWhenTheDatabaseIsTooShort) {
  open();
  for (const std::uintmax_t size : {fs::file_size(database_) - 8192, std::uintmax_t{8192}, std::uintmax_t{100}}) {
    fs::resize_file(database_, size);
    const auto before = read_file(database_);
    const auto error = refusal();
    EXPECT_EQ(error.code, ErrorCode::storage) << size;
    EXPECT_TRUE(error.message.starts_with("the database " + database_.string() + " cannot be used: ")) << error.message;
    EXPECT_EQ(read_file(database_), before);
  }
}

TEST_F(SqliteFiles, AreRefusedWhenTheSchemaPageIsDamaged) {
  open();
  auto bytes = read_file(database_);
  for (std::size_t i = 100; i < 8192; ++i) bytes[i] = static_cast<char>(i * 7);
  write_file(database_, bytes);
  EXPECT_EQ(refusal().code, ErrorCode::storage);
  EXPECT_EQ(read_file(database_), bytes);
}

TEST_F(SqliteFiles, AreRefusedWhenANewerHektoWroteThem) {
  open();
  execute(database_, "PRAGMA journal_mode = DELETE; PRAGMA user_version = 2");
  expect_refused_and_left_alone("it was written by a newer hekto (schema 2, this one knows 1)");
}

TEST_F(SqliteFiles, AreRefusedWhenAnotherProgramWroteThem) {
  fs::create_directories(folder_);
  execute(database_, "CREATE TABLE t(x)");
  expect_refused_and_left_alone("it is not a Hekto database");
}

TEST_F(SqliteFiles, AreRefusedWhenOnlyTheLogIsLeft) {
  open();
  fs::remove(database_);
  write_file(folder_ / "hekto.db-wal", "log");
  EXPECT_EQ(refusal().message, "the database " + database_.string() + " cannot be used: it is missing although " +
                                   database_.string() + "-wal is there");
  EXPECT_FALSE(fs::exists(database_));
}

TEST_F(SqliteFiles, AreRefusedWhereAFileIsInTheWay) {
  write_file(temp_ / "deep", "a file");
  EXPECT_EQ(refusal().code, ErrorCode::storage);
}

/// Makes the kernel refuse to let any file grow beyond `bytes`, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    signal_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, signal_);
  }

 private:
  rlimit before_{};
  void (*signal_)(int) = nullptr;
};

TEST_F(SqliteFiles, TakeNoChangeAfterOneThatFailedUntilTheyAreOpenedAnew) {
  auto store = open();
  auto doomed = sample_prediction();
  doomed.input = std::string(100'000, 'x');
  std::vector<domain::Prediction> kept;
  {
    const FileSizeLimit limit(1'000'000);
    while (true) {
      const auto result = run_task(store->create_prediction(doomed));
      if (!result) {
        EXPECT_EQ(code_of(result), ErrorCode::storage);
        break;
      }
      kept.push_back(doomed);
      doomed.id = new_id(test::sample_time());
      ASSERT_LT(kept.size(), 100u) << "the limit did not bite";
    }
    EXPECT_GT(kept.size(), 0u);
    EXPECT_EQ(code_of(run_task(store->create_prediction(sample_prediction()))), ErrorCode::unavailable);
  }
  const auto later = sample_prediction();
  EXPECT_EQ(code_of(run_task(store->create_prediction(later))), ErrorCode::unavailable) << "space came back";
  EXPECT_FALSE(store->accepts_writes());
  for (const auto& p : kept) EXPECT_EQ(run_task(store->find_prediction(p.id)).value(), p) << "reads go on";
  store.reset();
  store = open();
  for (const auto& p : kept) EXPECT_EQ(run_task(store->find_prediction(p.id)).value(), p);
  EXPECT_EQ(code_of(run_task(store->find_prediction(later.id))), ErrorCode::not_found);
  EXPECT_TRUE(run_task(store->create_prediction(later)).has_value());
}

}  // namespace
}  // namespace hekto::store
