// SPDX-License-Identifier: Apache-2.0
// The SQLite store against the one in memory, by long random sequences of calls.
#include <iostream>
#include <random>

#include <gtest/gtest.h>

#include "store/sqlite/sqlite_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/run_task.h"
#include "tests/support/samples.h"
#include "tests/support/temp_dir.h"

namespace hekto::store {
namespace {

using domain::Event;
using test::run_task;

/// Equal values, or errors of the same kind; messages may differ.
template <class T, class Equal>
void expect_same(const Result<T>& actual, const Result<T>& expected, Equal equal) {
  ASSERT_EQ(actual.has_value(), expected.has_value())
      << (actual ? "succeeded" : actual.error().message) << " / "
      << (expected ? std::string("succeeded") : expected.error().message);
  if (actual) {
    equal(*actual, *expected);
  } else {
    EXPECT_EQ(actual.error().code, expected.error().code);
  }
}

template <class T>
void expect_same(const Result<T>& actual, const Result<T>& expected) {
  expect_same(actual, expected, [](const T& a, const T& b) { EXPECT_TRUE(a == b); });
}

class Model {
 public:
  explicit Model(unsigned seed) : random_(seed) {}

  void step() {
    now_ += std::chrono::milliseconds(pick(3000)) - std::chrono::milliseconds(500);
    switch (pick(14)) {
      case 0:
      case 1:
      case 2:
        return create();
      case 3:
        return both([id = any_id(), now = now_](ports::Store& s) { return run_task(s.claim(id, now)); });
      case 4:
      case 5:
      case 6:
      case 7:
        return record();
      case 8:
        return end();
      case 9:
        return list();
      case 10:
        return unfinished();
      case 11:
        return both([id = any_id()](ports::Store& s) { return run_task(s.find_prediction(id)); });
      case 12:
        return purge();
      default:
        return pick(20) == 0 ? reopen() : sweep();
    }
  }

  void compare_everything() {
    for (const auto& id : ids_) both([&id](ports::Store& s) { return run_task(s.find_prediction(id)); });
  }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  std::string any_id() {
    return ids_.empty() || pick(20) == 0 ? "unknown"
                                         : ids_[ids_.size() - 1 - random_() % std::min<std::size_t>(ids_.size(), 12)];
  }
  std::string account() { return pick(3) == 0 ? "somebody else" : test::sample_account(); }

  template <class Call>
  void both(Call call) {
    expect_same(call(*store_), call(memory_));
  }

  void create() {
    auto p = test::sample_prediction(now_, account());
    p.input = std::string(static_cast<std::size_t>(pick(5) == 0 ? 15'000 + pick(3000) : pick(200)), 'i');
    if (pick(10) == 0) p.id = any_id();
    if (pick(3) == 0) p.deadline = now_ + std::chrono::seconds(pick(100));
    p.test = pick(2) == 0;
    ids_.push_back(p.id);
    both([&p](ports::Store& s) {
      const auto created = run_task(s.create_prediction(p));
      return created ? Result<bool>(true) : Result<bool>(std::unexpected(created.error()));
    });
  }

  Event any_event(std::size_t items) {
    const auto index = items + static_cast<std::size_t>(pick(10) == 0 ? 1 : 0);
    switch (pick(12)) {
      case 0:
      case 1:
        return domain::Started{};
      case 2:
        return domain::Logged{std::string(static_cast<std::size_t>(pick(50)), 'l')};
      case 3:
      case 4:
        return domain::Produced{index, true, "\"item\"", {}};
      case 5: {
        const auto file = test::sample_file("out.webp", static_cast<char>('a' + pick(6)));
        return domain::Produced{index, true, domain::file_placeholder(0), {file}};
      }
      case 6:
        return domain::Produced{0, false, "1", {}};
      case 7:
        return domain::Succeeded{pick(2) == 0 ? "" : "\"n\":1"};
      case 8:
        return domain::Failed{"failed", ""};
      case 9:
        return pick(4) == 0 ? Event(domain::Purged{}) : Event(domain::Logged{""});
      case 10:
        return pick(4) == 0 ? Event(domain::Claimed{}) : Event(domain::Started{});
      default:
        return domain::Logged{"line\n"};
    }
  }

  void record() {
    const auto id = any_id();
    const auto found = run_task(memory_.find_prediction(id));
    const ports::Lease lease{id, found ? found->epoch - (pick(8) == 0 ? 1 : 0) : 0};
    std::size_t items = found ? found->output.items.size() : 0;
    std::vector<Event> events;
    if (found && found->status == domain::Status::starting) events.push_back(domain::Started{});
    for (int n = pick(4); n > 0; --n) {
      events.push_back(any_event(items));
      if (std::holds_alternative<domain::Produced>(events.back())) ++items;
    }
    both([&, this](ports::Store& s) { return run_task(s.record(lease, events, now_)); });
  }

  void end() {
    const auto id = any_id();
    const Event events[] = {domain::Canceled{}, domain::DeadlinePassed{}, domain::Failed{"", ""}, domain::Started{},
                            domain::Purged{}};
    const auto& event = events[pick(5)];
    both([&, this](ports::Store& s) { return run_task(s.end(id, event, now_)); });
  }

  void list() {
    ports::PredictionQuery query;
    query.account = account();
    query.limit = static_cast<std::size_t>(pick(12));
    if (pick(3) == 0) query.before_id = any_id();
    if (pick(3) == 0) query.after_id = any_id();
    if (pick(3) == 0) query.created_after = now_ - std::chrono::seconds(pick(60));
    if (pick(3) == 0) query.created_before = now_ - std::chrono::seconds(pick(30));
    const auto call = [&](ports::Store& s) { return run_task(s.list_predictions(query)); };
    expect_same(call(*store_), call(memory_), [](const auto& a, const auto& b) {
      EXPECT_TRUE(a.items == b.items);
      EXPECT_EQ(a.more, b.more);
    });
  }

  void unfinished() {
    const auto after = pick(2) == 0 ? std::string() : any_id();
    const auto limit = static_cast<std::size_t>(pick(10));
    const auto call = [&](ports::Store& s) { return run_task(s.unfinished(after, limit)); };
    expect_same(call(*store_), call(memory_), [](const auto& a, const auto& b) {
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].id, b[i].id);
        EXPECT_EQ(a[i].status, b[i].status);
        EXPECT_EQ(a[i].deadline, b[i].deadline);
      }
    });
  }

  void purge() {
    const auto before = now_ - std::chrono::seconds(pick(40));
    const auto limit = static_cast<std::size_t>(pick(4));
    both([&, this](ports::Store& s) { return run_task(s.purge(before, limit, now_)); });
  }

  /// Garbage goes by what it names: numbers are each store's own.
  void sweep() {
    const auto call = [](ports::Store& s) { return run_task(s.garbage(5)).value(); };
    const auto actual = call(*store_);
    const auto expected = call(memory_);
    ASSERT_EQ(actual.size(), expected.size());
    std::vector<std::int64_t> numbers[2];
    for (std::size_t i = 0; i < actual.size(); ++i) {
      EXPECT_EQ(actual[i].owner, expected[i].owner);
      EXPECT_EQ(actual[i].sha256, expected[i].sha256);
      if (pick(2) == 0) continue;
      numbers[0].push_back(actual[i].id);
      numbers[1].push_back(expected[i].id);
    }
    EXPECT_TRUE(run_task(store_->forget_garbage(numbers[0])).has_value());
    EXPECT_TRUE(run_task(memory_.forget_garbage(numbers[1])).has_value());
    std::vector<ports::Garbage> candidates;
    for (int i = 0; i < 10; ++i) candidates.push_back({i, any_id(), std::string(64, static_cast<char>('a' + pick(6)))});
    const auto orphans = [&](ports::Store& s) {
      std::vector<std::int64_t> found;
      for (const auto& orphan : run_task(s.orphans(candidates)).value()) found.push_back(orphan.id);
      return found;
    };
    EXPECT_EQ(orphans(*store_), orphans(memory_));
  }

  void reopen() {
    store_.reset();
    store_ = std::move(SqliteStore::open(folder_.path()).value());
  }

  std::mt19937 random_;
  test::TempDir folder_;
  std::unique_ptr<SqliteStore> store_ = std::move(SqliteStore::open(folder_.path()).value());
  test::MemoryStore memory_;
  std::vector<std::string> ids_;
  Time now_ = test::sample_time();
};

TEST(SqliteModel, AgreesWithTheStoreInMemory) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << '\n';
  SCOPED_TRACE("seed " + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  Model model(seed);
  for (int step = 0; step < 1500 && !testing::Test::HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    model.step();
  }
  model.compare_everything();
}

}  // namespace
}  // namespace hekto::store
