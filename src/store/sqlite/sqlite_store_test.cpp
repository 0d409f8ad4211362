// SPDX-License-Identifier: Apache-2.0
// How it works inside: groups, queues, query plans, and bytes in columns.
#include "store/sqlite/sqlite_store.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "store/sqlite/output_codec.h"
#include "store/sqlite/predictions.h"
#include "store/sqlite/schema.h"
#include "tests/support/results.h"
#include "tests/support/run_task.h"
#include "tests/support/samples.h"
#include "tests/support/temp_dir.h"

namespace hekto::store {
namespace {

using test::code_of;
using test::run_task;
using test::sample_prediction;

/// Holds the write lock of a database from outside, so that the store's writer has to wait.
class Blockade {
 public:
  explicit Blockade(const std::filesystem::path& file) {
    EXPECT_EQ(sqlite3_open(file.c_str(), &database_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~Blockade() { sqlite3_close(database_); }
  void lift() { EXPECT_EQ(sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK); }

 private:
  sqlite3* database_ = nullptr;
};

struct Tally {
  int fine = 0;
  int conflicts = 0;
  int unavailable = 0;
};

async::Task<void> create(SqliteStore& store, domain::Prediction p, Tally& tally) {
  const auto result = co_await store.create_prediction(std::move(p));
  if (result) {
    ++tally.fine;
  } else if (result.error().code == ErrorCode::conflict) {
    ++tally.conflicts;
  } else if (result.error().code == ErrorCode::unavailable) {
    ++tally.unavailable;
  }
}

class SqliteStoreTest : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(SqliteOptions options = {}) {
    return std::move(SqliteStore::open(folder_.path() / "data", options).value());
  }
  void start(SqliteStore& store, domain::Prediction p) {
    boost::asio::co_spawn(context_, create(store, std::move(p), tally_), boost::asio::detached);
  }

  /// Changes the closed database behind the store's back.
  void execute(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(database_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  test::TempDir folder_;
  const std::filesystem::path database_ = folder_.path() / "data" / "hekto.db";
  boost::asio::io_context context_{1};
  Tally tally_;
};

TEST_F(SqliteStoreTest, CommitsWhatHasGatheredInOneTransaction) {
  const auto store = open();
  Blockade blockade(database_);
  for (int i = 0; i < 200; ++i) start(*store, sample_prediction());
  context_.poll();
  EXPECT_EQ(tally_.fine, 0) << "no answer before the commit";
  blockade.lift();
  context_.run();
  EXPECT_EQ(tally_.fine, 200);
  EXPECT_EQ(store->stats().jobs, 200u);
  // What the writer had in hand when it met the blockade, and all the rest.
  EXPECT_LE(store->stats().commits, 2u);
}

TEST_F(SqliteStoreTest, KeepsTheErrorsOfOneGroupApart) {
  const auto store = open();
  Blockade blockade(database_);
  auto large = sample_prediction();
  large.input = std::string(50'000, 'x');
  for (int i = 0; i < 50; ++i) {
    start(*store, sample_prediction());
    start(*store, large);
    if (i == 0) large.model = "a/late-one";
  }
  context_.poll();
  blockade.lift();
  context_.run();
  EXPECT_EQ(tally_.fine, 51);
  EXPECT_EQ(tally_.conflicts, 49);
  EXPECT_LE(store->stats().commits, 2u);
  const auto kept = run_task(store->find_prediction(large.id)).value();
  EXPECT_EQ(kept.input, large.input);
  EXPECT_NE(kept.model, large.model);
}

TEST_F(SqliteStoreTest, RefusesAtOnceWhatTheQueueCannotHold) {
  const auto store = open({.readers = 1, .queue_limit = 4, .group_limit = 1});
  Blockade blockade(database_);
  for (int i = 0; i < 20; ++i) start(*store, sample_prediction());
  context_.poll();
  // Four wait, and the writer may hold a fifth.
  EXPECT_GE(tally_.unavailable, 15);
  EXPECT_LE(tally_.unavailable, 16);
  blockade.lift();
  context_.run();
  EXPECT_EQ(tally_.fine, 20 - tally_.unavailable);
}

TEST_F(SqliteStoreTest, DoesWhatIsQueuedBeforeItCloses) {
  auto store = open();
  for (int i = 0; i < 100; ++i) start(*store, sample_prediction());
  context_.poll();
  store.reset();
  context_.run();
  EXPECT_EQ(tally_.fine, 100);
  EXPECT_EQ(run_task(open()->unfinished("", 1000)).value().size(), 100u);
}

TEST_F(SqliteStoreTest, KeepsTheLogShortUnderConstantWriting) {
  const auto store = open();
  auto p = sample_prediction();
  p.input = std::string(1'000'000, 'x');
  // 120 MB in all, with a checkpoint due every 32 MB.
  for (int i = 0; i < 120; ++i) {
    p.id = new_id(test::sample_time());
    ASSERT_TRUE(run_task(store->create_prediction(p)).has_value());
  }
  EXPECT_LT(std::filesystem::file_size(database_.string() + "-wal"), 40u << 20);
}

TEST_F(SqliteStoreTest, AnswersNoQueryByReadingOrSortingAWholeTable) {
  auto store = open();
  std::string middle;
  for (int i = 0; i < 300; ++i) {
    const auto p = sample_prediction();
    if (i == 150) middle = p.id;
    ASSERT_TRUE(run_task(store->create_prediction(p)).has_value());
    if (i % 3 != 0) continue;
    ASSERT_TRUE(run_task(store->end(p.id, domain::Canceled{}, test::sample_time())).has_value());
  }
  store.reset();

  auto folder = DataFolder::acquire(folder_.path() / "data").value();
  auto connection = open_for_writing(folder).value();
  EXPECT_TRUE(find_prediction(connection, middle).has_value());
  ports::PredictionQuery query;
  query.account = test::sample_account();
  EXPECT_EQ(list_predictions(connection, query)->items.size(), 100u);
  query.created_after = test::sample_time();
  query.before_id = middle;
  EXPECT_EQ(list_predictions(connection, query)->items.size(), 100u);
  query.after_id = std::exchange(query.before_id, std::nullopt);
  EXPECT_EQ(list_predictions(connection, query)->items.size(), 100u);
  EXPECT_EQ(unfinished(connection, middle, 1000)->size(), 100u);
  EXPECT_EQ(purge(connection, test::sample_time() + std::chrono::hours(1), 1000, test::sample_time())->size(), 100u);
  EXPECT_EQ(garbage(connection, 10)->size(), 0u);
  EXPECT_EQ(orphans(connection, {{1, middle, "x"}})->size(), 1u);

  int looked_at = 0;
  for (auto* s = sqlite3_next_stmt(connection.handle(), nullptr); s != nullptr;
       s = sqlite3_next_stmt(connection.handle(), s)) {
    ++looked_at;
    EXPECT_EQ(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0), 0) << sqlite3_sql(s);
    EXPECT_EQ(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_SORT, 0), 0) << sqlite3_sql(s);
  }
  EXPECT_GE(looked_at, 9);
}

TEST_F(SqliteStoreTest, FindsModelsOnceThereIsOneAndAfterTheNextStart) {
  auto store = open();
  EXPECT_EQ(code_of(run_task(store->find_model("acme", "hot-dog"))), ErrorCode::not_found);
  domain::OwnedModel model;
  model.owner = "acme";
  model.name = "hot-dog";
  model.account = test::sample_account();
  model.visibility = "private";
  ASSERT_TRUE(run_task(store->create_model(model)).has_value());
  EXPECT_EQ(run_task(store->find_model("acme", "hot-dog")).value().account, model.account);
  store.reset();
  store = open();
  EXPECT_EQ(run_task(store->find_model("acme", "hot-dog")).value().account, model.account);
}

TEST_F(SqliteStoreTest, FindsADamagedRowOutAndGoesOn) {
  auto store = open();
  auto damaged = sample_prediction();
  damaged.output.items = {"1"};
  const auto other = sample_prediction();
  ASSERT_TRUE(run_task(store->create_prediction(damaged)).has_value());
  ASSERT_TRUE(run_task(store->create_prediction(other)).has_value());
  store.reset();
  execute("UPDATE predictions SET output = x'31FF' WHERE output NOT NULL");
  store = open();
  EXPECT_EQ(code_of(run_task(store->find_prediction(damaged.id))), ErrorCode::internal);
  EXPECT_EQ(code_of(run_task(store->claim(damaged.id, test::sample_time()))), ErrorCode::internal);
  EXPECT_TRUE(run_task(store->claim(other.id, test::sample_time())).has_value());
}

TEST_F(SqliteStoreTest, UndoesTheWholePurgeWhenOneRowOfItIsDamaged) {
  auto store = open();
  std::vector<domain::Prediction> predictions;
  for (int i = 0; i < 3; ++i) {
    predictions.push_back(sample_prediction());
    predictions.back().output.items = {std::to_string(i)};
    ASSERT_TRUE(run_task(store->create_prediction(predictions.back())).has_value());
    ASSERT_TRUE(run_task(store->end(predictions.back().id, domain::Canceled{}, test::sample_time())).has_value());
  }
  store.reset();
  execute("UPDATE predictions SET output = x'31FF' WHERE seq = 2");
  store = open();
  const auto later = test::sample_time() + std::chrono::hours(1);
  EXPECT_EQ(code_of(run_task(store->purge(later, 100, later))), ErrorCode::internal);
  EXPECT_EQ(run_task(store->find_prediction(predictions[0].id)).value().output, predictions[0].output);
  EXPECT_EQ(run_task(store->purge(later, 1, later)).value().size(), 1u) << "the others still can be purged";
}

TEST(OutputCodec, RefusesEveryTruncation) {
  domain::Output output{true, {"\"first\"", std::string(300, 'x')}, {test::sample_file("out-0.webp", 'a')}};
  const auto items = encode_items(output);
  const auto files = encode_files(output.files);
  // Between two items a shorter text is whole; everywhere else it is not.
  const std::size_t after_first = 1 + 1 + 7;
  for (std::size_t size = 0; size < items.size(); ++size) {
    domain::Output back;
    const bool whole = size == 1 || size == after_first;
    EXPECT_EQ(decode_items(std::string_view(items).substr(0, size), back), whole) << size;
  }
  for (std::size_t size = 1; size < files.size(); ++size) {
    std::vector<domain::OutputFile> back;
    EXPECT_FALSE(decode_files(std::string_view(files).substr(0, size), back)) << size;
  }
  domain::Output back;
  EXPECT_TRUE(decode_items(items, back) && decode_files(files, back.files));
  EXPECT_EQ(back, output);
}

TEST(OutputCodec, RefusesLengthsBeyondTheBytes) {
  domain::Output output;
  EXPECT_FALSE(decode_items("1\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", output));
  EXPECT_FALSE(decode_items("1\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", output));
  EXPECT_FALSE(decode_items("2", output));
}

}  // namespace
}  // namespace hekto::store
