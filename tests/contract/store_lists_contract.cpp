// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/contract/store_harness.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> ids_of(const std::vector<domain::Prediction>& predictions) {
  std::vector<std::string> ids;
  for (const auto& p : predictions) ids.push_back(p.id);
  return ids;
}

class StoreLists : public StoreContract {
 protected:
  /// Ten predictions, a second apart; ids_[0] is the oldest. Between them lie those of another account.
  void SetUp() override {
    for (int i = 0; i < 10; ++i) {
      ids_.push_back(create(sample_time() + std::chrono::seconds(i)).id);
      others_.push_back(create(sample_time() + std::chrono::seconds(i), other_account_).id);
    }
    query_.account = sample_account();
  }
  ports::PredictionPage list() { return run_task(store().list_predictions(query_)).value(); }
  /// ids_[first], ids_[first - 1], …, ids_[last].
  std::vector<std::string> newest_first(std::size_t first, std::size_t last) const {
    std::vector<std::string> ids(ids_.begin() + static_cast<std::ptrdiff_t>(last),
                                 ids_.begin() + static_cast<std::ptrdiff_t>(first) + 1);
    std::ranges::reverse(ids);
    return ids;
  }

  const std::string other_account_ = "01kzzzzzzzzzzzzzzzzzzzzzz4";
  std::vector<std::string> ids_;
  std::vector<std::string> others_;
  ports::PredictionQuery query_;
};

TEST_P(StoreLists, ShowTheNewestFirstAndOnlyTheAccountsOwn) {
  const auto page = list();
  EXPECT_EQ(ids_of(page.items), newest_first(9, 0));
  EXPECT_FALSE(page.more);
  for (const auto& p : page.items) EXPECT_EQ(p, find(p.id));
}

TEST_P(StoreLists, OfAnAccountWithoutPredictionsAreEmpty) {
  query_.account = new_id(sample_time());
  const auto page = list();
  EXPECT_TRUE(page.items.empty());
  EXPECT_FALSE(page.more);
}

TEST_P(StoreLists, SayWhetherThereIsMore) {
  query_.limit = 10;
  EXPECT_FALSE(list().more);
  query_.limit = 9;
  EXPECT_TRUE(list().more);
  EXPECT_EQ(ids_of(list().items), newest_first(9, 1));
  query_.limit = 0;
  EXPECT_TRUE(list().more);
  EXPECT_TRUE(list().items.empty());
}

TEST_P(StoreLists, GoTowardsOlderByBeforeId) {
  query_.limit = 4;
  std::vector<std::string> seen;
  while (true) {
    const auto page = list();
    for (const auto& p : page.items) seen.push_back(p.id);
    if (!page.more) break;
    query_.before_id = page.items.back().id;
  }
  EXPECT_EQ(seen, newest_first(9, 0));
  query_.before_id = ids_[0];
  EXPECT_TRUE(list().items.empty());
}

TEST_P(StoreLists, GoTowardsNewerByAfterIdStillNewestFirst) {
  query_.limit = 4;
  query_.after_id = ids_[0];
  auto page = list();
  EXPECT_EQ(ids_of(page.items), newest_first(4, 1)) << "those that follow the cursor most closely";
  EXPECT_TRUE(page.more);
  query_.after_id = page.items.front().id;
  page = list();
  EXPECT_EQ(ids_of(page.items), newest_first(8, 5));
  EXPECT_TRUE(page.more);
  query_.after_id = page.items.front().id;
  page = list();
  EXPECT_EQ(ids_of(page.items), newest_first(9, 9));
  EXPECT_FALSE(page.more);
  query_.after_id = ids_[9];
  EXPECT_TRUE(list().items.empty());
}

TEST_P(StoreLists, ShowTheNewestBetweenTwoCursors) {
  query_.after_id = ids_[2];
  query_.before_id = ids_[8];
  query_.limit = 3;
  const auto page = list();
  EXPECT_EQ(ids_of(page.items), newest_first(7, 5));
  EXPECT_TRUE(page.more);
}

TEST_P(StoreLists, GoByTheTimeThatIsShownOfWhatIsRelayed) {
  auto p = sample_prediction(sample_time(), sample_account());
  p.relay = domain::RelayTarget{domain::RelayTarget::Kind::model, "owner/name"};
  ASSERT_TRUE(run_task(store().create_prediction(p)).has_value());
  const auto epoch = run_task(store().claim(p.id, sample_time())).value().epoch;
  const auto shown = sample_time() + 20min;
  const std::vector<domain::Event> events = {domain::Submitting{"up", "main", "attempt"},
                                             domain::Submitted{"attempt", "remote", "", "", {}, shown}};
  ASSERT_TRUE(run_task(store().record({p.id, epoch}, events, sample_time())).has_value());
  query_.created_after = shown;
  EXPECT_EQ(ids_of(list().items), std::vector{p.id});
  query_.created_after = shown + 1us;
  EXPECT_TRUE(list().items.empty());
  query_.created_after = std::nullopt;
  query_.created_before = shown;
  for (const auto& id : ids_of(list().items)) EXPECT_NE(id, p.id);
  query_.created_before = shown + 1us;
  EXPECT_EQ(ids_of(list().items).front(), p.id);
}

TEST_P(StoreLists, DoNotAcceptCursorsThatAreNotTheAccounts) {
  for (const auto& cursor : {others_[3], new_id(sample_time()), std::string()}) {
    query_.before_id = cursor;
    query_.after_id = std::nullopt;
    EXPECT_EQ(code_of(run_task(store().list_predictions(query_))), ErrorCode::not_found);
    query_.after_id = cursor;
    query_.before_id = std::nullopt;
    EXPECT_EQ(code_of(run_task(store().list_predictions(query_))), ErrorCode::not_found);
  }
}

TEST_P(StoreLists, IncludeCreatedAfterAndExcludeCreatedBefore) {
  query_.created_after = sample_time() + 3s;
  EXPECT_EQ(ids_of(list().items), newest_first(9, 3));
  query_.created_before = sample_time() + 6s;
  EXPECT_EQ(ids_of(list().items), newest_first(5, 3));
  query_.created_after = std::nullopt;
  EXPECT_EQ(ids_of(list().items), newest_first(5, 0));
  query_.created_after = sample_time() + 6s;
  EXPECT_TRUE(list().items.empty());
}

TEST_P(StoreLists, CombineFiltersCursorsAndLimit) {
  query_.created_after = sample_time() + 2s;
  query_.created_before = sample_time() + 9s;
  query_.limit = 3;
  query_.before_id = ids_[7];
  auto page = list();
  EXPECT_EQ(ids_of(page.items), newest_first(6, 4));
  EXPECT_TRUE(page.more);
  query_.before_id = page.items.back().id;
  page = list();
  EXPECT_EQ(ids_of(page.items), newest_first(3, 2));
  EXPECT_FALSE(page.more);
}

TEST_P(StoreLists, GoByTheOrderOfCreationInTheStoreWhateverTheClockSaid) {
  // The clock was set back in between.
  const auto late = create(sample_time() - 1h).id;
  const auto page = list();
  ASSERT_EQ(page.items.size(), 11u);
  EXPECT_EQ(page.items.front().id, late);
  query_.created_before = sample_time();
  EXPECT_EQ(ids_of(list().items), std::vector{late});
}

INSTANTIATE_TEST_SUITE_P(Every, StoreLists, testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace hekto::test
