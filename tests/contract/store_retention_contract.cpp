// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/contract/store_harness.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs_of(const std::vector<ports::Garbage>& garbage) {
  Pairs pairs;
  for (const auto& entry : garbage) pairs.emplace_back(entry.owner, entry.sha256);
  return pairs;
}

class StoreRetention : public StoreContract {};

TEST_P(StoreRetention, PurgesWhatCompletedBeforeTheGivenTime) {
  const auto old = create_finished(sample_time() + 1s, {sample_file("out-0.webp", 'a')});
  const auto recent = create_finished(sample_time() + 2s);
  const auto waiting = create();
  const auto purged = run_task(store().purge(sample_time() + 2s, 100, sample_time() + 1h)).value();
  EXPECT_EQ(purged, std::vector{old.id});
  const auto after = find(old.id);
  EXPECT_EQ(after, domain::apply(old, domain::Purged{}, sample_time() + 1h).value());
  EXPECT_TRUE(after.data_removed);
  EXPECT_TRUE(after.output.empty());
  EXPECT_EQ(after.logs, "");
  EXPECT_EQ(find(recent.id), recent);
  EXPECT_EQ(find(waiting.id), waiting);
}

TEST_P(StoreRetention, PurgesALargeInputToo) {
  auto p = sample_prediction();
  p.input = std::string(200'000, 'x');
  p.steering = "delay=1s";
  ASSERT_TRUE(run_task(store().create_prediction(p)).has_value());
  ASSERT_TRUE(run_task(store().end(p.id, domain::Canceled{}, sample_time())).has_value());
  EXPECT_EQ(run_task(store().purge(sample_time() + 1s, 100, sample_time() + 1h)).value().size(), 1u);
  EXPECT_EQ(find(p.id).input, "{}");
  EXPECT_EQ(find(p.id).steering, "");
}

TEST_P(StoreRetention, PurgesTheOldestFirstUpToTheLimitAndEachOnce) {
  const auto second = create_finished(sample_time() + 2s).id;
  const auto first = create_finished(sample_time() + 1s).id;
  const auto third = create_finished(sample_time() + 3s).id;
  const auto purge = [this] { return run_task(store().purge(sample_time() + 1h, 2, sample_time() + 2h)).value(); };
  EXPECT_EQ(purge(), (std::vector{first, second}));
  EXPECT_EQ(purge(), std::vector{third});
  EXPECT_TRUE(purge().empty());
}

TEST_P(StoreRetention, KeepsPurgedFilesAsGarbageUntilTheyAreForgotten) {
  const auto a = create_finished(sample_time(), {sample_file("out-0.webp", 'a'), sample_file("out-1.webp", 'b')});
  const auto b = create_finished(sample_time() + 1s, {sample_file("out-0.webp", 'a')});
  EXPECT_TRUE(run_task(store().garbage(100)).value().empty());
  ASSERT_EQ(run_task(store().purge(sample_time() + 1h, 100, sample_time() + 1h)).value().size(), 2u);
  const auto all = run_task(store().garbage(100)).value();
  const Pairs expected = {{a.id, std::string(64, 'a')}, {a.id, std::string(64, 'b')}, {b.id, std::string(64, 'a')}};
  EXPECT_EQ(pairs_of(all), expected);
  EXPECT_EQ(run_task(store().garbage(2)).value().size(), 2u);
  ASSERT_TRUE(run_task(store().forget_garbage({all[0].id, all[2].id})).has_value());
  EXPECT_EQ(pairs_of(run_task(store().garbage(100)).value()), (Pairs{expected[1]}));
  EXPECT_TRUE(run_task(store().forget_garbage({all[0].id, 987654})).has_value()) << "forgetting twice is no error";
  EXPECT_EQ(run_task(store().garbage(100)).value().size(), 1u);
}

TEST_P(StoreRetention, NamesAFileOnceThoughTwoItemsShareItsContent) {
  create_finished(sample_time(), {sample_file("out-0.webp", 'a'), sample_file("out-1.webp", 'a')});
  ASSERT_EQ(run_task(store().purge(sample_time() + 1h, 100, sample_time() + 1h)).value().size(), 1u);
  EXPECT_EQ(run_task(store().garbage(100)).value().size(), 1u);
}

TEST_P(StoreRetention, NeverGivesTheNumberOfForgottenGarbageAgain) {
  create_finished(sample_time(), {sample_file("out-0.webp", 'a')});
  ASSERT_EQ(run_task(store().purge(sample_time() + 1h, 100, sample_time() + 1h)).value().size(), 1u);
  const auto first = run_task(store().garbage(1)).value().at(0).id;
  ASSERT_TRUE(run_task(store().forget_garbage({first})).has_value());
  create_finished(sample_time(), {sample_file("out-0.webp", 'b')});
  ASSERT_EQ(run_task(store().purge(sample_time() + 1h, 100, sample_time() + 1h)).value().size(), 1u);
  EXPECT_NE(run_task(store().garbage(1)).value().at(0).id, first);
}

TEST_P(StoreRetention, FindsTheFilesThatNothingNames) {
  const auto kept = create_finished(sample_time() + 1h, {sample_file("out-0.webp", 'a')});
  const auto purged = create_finished(sample_time(), {sample_file("out-0.webp", 'b')});
  ASSERT_EQ(run_task(store().purge(sample_time() + 1s, 100, sample_time() + 2h)).value(), std::vector{purged.id});
  const auto nobody = new_id(sample_time());
  const std::vector<ports::Garbage> candidates = {{11, kept.id, std::string(64, 'a')},
                                                  {12, kept.id, std::string(64, 'b')},
                                                  {13, purged.id, std::string(64, 'b')},
                                                  {14, purged.id, std::string(64, 'c')},
                                                  {15, nobody, std::string(64, 'a')}};
  const auto orphans = run_task(store().orphans(candidates)).value();
  EXPECT_EQ(
      pairs_of(orphans),
      (Pairs{{kept.id, std::string(64, 'b')}, {purged.id, std::string(64, 'c')}, {nobody, std::string(64, 'a')}}));
  EXPECT_EQ(orphans.at(0).id, 12) << "candidates come back as they were given";
  const auto garbage = run_task(store().garbage(1)).value();
  ASSERT_TRUE(run_task(store().forget_garbage({garbage.at(0).id})).has_value());
  EXPECT_EQ(run_task(store().orphans({{13, purged.id, std::string(64, 'b')}})).value().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Every, StoreRetention, testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace hekto::test
