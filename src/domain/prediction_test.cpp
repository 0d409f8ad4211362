// SPDX-License-Identifier: Apache-2.0
#include "domain/prediction.h"

#include <gtest/gtest.h>

namespace hekto::domain {
namespace {

using namespace std::chrono_literals;

const Time kT0 = from_micros(1'795'342'530'000'000);

Prediction fresh() {
  Prediction p;
  p.id = "0123456789abcdefghjkmnpqrs";
  p.input = R"({"prompt":"a red fox"})";
  p.created_at = kT0;
  return p;
}

Prediction after(Prediction p, const std::vector<Event>& events, Time now = kT0) {
  for (const auto& event : events) {
    auto next = apply(std::move(p), event, now);
    EXPECT_TRUE(next) << next.error().message;
    p = std::move(*next);
  }
  return p;
}

TEST(PredictionLife, GoesFromStartingThroughProcessingToSucceeded) {
  Prediction p = after(fresh(), {Claimed{}});
  EXPECT_EQ(p.status, Status::starting);
  EXPECT_EQ(p.epoch, 1);
  EXPECT_EQ(p.attempts, 1);

  p = after(p, {Started{}}, kT0 + 1s);
  EXPECT_EQ(p.status, Status::processing);
  EXPECT_EQ(p.started_at, kT0 + 1s);

  p = after(p, {Logged{"a\n"}, Logged{"b\n"}, Succeeded{"\"image_output_count\":1"}}, kT0 + 3s);
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_EQ(p.logs, "a\nb\n");
  EXPECT_EQ(p.completed_at, kT0 + 3s);
  EXPECT_DOUBLE_EQ(predict_seconds(p), 2);
  EXPECT_DOUBLE_EQ(total_seconds(p), 3);
}

TEST(PredictionLife, TerminalStatesRefuseEveryEventButPurge) {
  const std::vector<Event> endings = {Succeeded{}, Failed{"boom", ""}, Canceled{}, DeadlinePassed{}};
  const std::vector<Event> later = {Claimed{},   Started{},           Logged{"x"}, Produced{0, true, "1", {}},
                                    Succeeded{}, Failed{"again", ""}, Canceled{},  DeadlinePassed{}};
  for (const auto& ending : endings) {
    const Prediction p = after(fresh(), {Started{}, ending});
    ASSERT_TRUE(is_terminal(p.status));
    for (const auto& event : later) {
      const auto refused = apply(p, event, kT0);
      ASSERT_FALSE(refused) << event.index();
      EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    }
    EXPECT_TRUE(apply(p, Purged{}, kT0));
  }
}

TEST(PredictionLife, ADeadlineAbortsWhatHasNotStartedAndCancelsWhatRuns) {
  EXPECT_EQ(after(fresh(), {DeadlinePassed{}}).status, Status::aborted);
  EXPECT_EQ(after(fresh(), {Started{}, DeadlinePassed{}}).status, Status::canceled);
}

TEST(PredictionLife, SuccessNeedsAStart) { EXPECT_FALSE(apply(fresh(), Succeeded{}, kT0)); }

TEST(PredictionLife, ARepeatedStartKeepsTheFirstTime) {
  Prediction p = after(fresh(), {Claimed{}, Started{}}, kT0 + 1s);
  p = after(p, {Claimed{}, Started{}}, kT0 + 9s);
  EXPECT_EQ(p.started_at, kT0 + 1s);
  EXPECT_EQ(p.attempts, 2);
}

TEST(PredictionLife, OutputOnlyGrowsAndRepeatedItemsAreIgnored) {
  Prediction p = after(fresh(), {Started{}, Produced{0, true, R"("a")", {}}, Produced{1, true, R"("b")", {}}});
  p = after(p, {Produced{0, true, R"("other")", {}}, Produced{2, true, R"("c")", {}}});
  EXPECT_EQ(p.output.items, (std::vector<std::string>{R"("a")", R"("b")", R"("c")"}));
  EXPECT_FALSE(apply(p, Produced{7, true, "1", {}}, kT0));
  EXPECT_FALSE(apply(p, Produced{3, false, "1", {}}, kT0));
}

TEST(PredictionLife, FilesOfAnItemAreRenumberedAmongAllFiles) {
  const OutputFile first{"out-0.png", "image/png", 1, "aa"};
  const OutputFile second{"out-1.png", "image/png", 2, "bb"};
  const Prediction p = after(fresh(), {Started{}, Produced{0, true, file_placeholder(0), {first}},
                                       Produced{1, true, "{\"url\":" + file_placeholder(0) + "}", {second}}});
  EXPECT_EQ(p.output.items[1], "{\"url\":" + file_placeholder(1) + "}");
  EXPECT_EQ(p.output.files, (std::vector<OutputFile>{first, second}));
}

TEST(PredictionLife, AFailureAlwaysHasAnError) {
  EXPECT_EQ(after(fresh(), {Failed{"", ""}}).error, "Prediction failed");
  EXPECT_EQ(after(fresh(), {Started{}, Succeeded{}}).error, std::nullopt);
}

TEST(PredictionLife, APurgeEmptiesTheDataAndKeepsTheRecord) {
  Prediction steered = fresh();
  steered.steering = "delay=1s";
  Prediction p = after(steered, {Started{}, Logged{"x"}, Produced{0, true, "1", {}}, Succeeded{}, Purged{}});
  EXPECT_EQ(p.steering, "");
  EXPECT_TRUE(p.data_removed);
  EXPECT_EQ(p.input, "{}");
  EXPECT_TRUE(p.output.empty());
  EXPECT_EQ(p.logs, "");
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_FALSE(apply(fresh(), Purged{}, kT0));
}

TEST(PredictionLife, LogsStopAtOneMebibyteOnACharacterBoundary) {
  std::string text(kMaxLogBytes - 40, 'x');
  for (int i = 0; i < 40; ++i) text += "é";
  const Prediction p = after(fresh(), {Logged{text}, Logged{"more"}});
  EXPECT_LE(p.logs.size(), kMaxLogBytes);
  EXPECT_NE(p.logs.find("logs truncated"), std::string::npos);
  EXPECT_EQ(p.logs.find("more"), std::string::npos);
  EXPECT_TRUE(p.logs.find("\xC3\n") == std::string::npos);
}

TEST(PredictionOrder, PutsTheEndAfterProgressAndProgressAfterTheStart) {
  const Prediction created = fresh();
  const Prediction claimed = after(created, {Claimed{}});
  const Prediction running = after(claimed, {Started{}});
  const Prediction logged = after(running, {Logged{"x"}});
  const Prediction ended = after(running, {Canceled{}});
  const Prediction purged = after(ended, {Purged{}});
  const std::vector<Prediction> order = {created, claimed, running, logged, ended, purged};
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t k = 0; k < order.size(); ++k) EXPECT_EQ(is_later(order[i], order[k]), i > k) << i << " " << k;
  }
}

/// An item of one file each, or of `files` in an object; `sha256` empty: on its way.
Produced item(std::size_t index, std::size_t files, std::string sha256) {
  Produced made{index, true, "{", {}};
  for (std::size_t i = 0; i < files; ++i) {
    made.json += (i > 0 ? ",\"f" : "\"f") + std::to_string(i) + "\":" + file_placeholder(i);
    made.files.push_back({"out.png", "image/png", 9, sha256});
  }
  made.json += '}';
  return made;
}

TEST(ArrivingOutput, RanksBelowTheSameOutputStored) {
  const Prediction running = after(fresh(), {Claimed{}, Started{}});
  const Prediction arriving = after(running, {item(0, 1, "")});
  const Prediction stored = after(running, {item(0, 1, std::string(64, 'a'))});
  EXPECT_TRUE(is_later(arriving, running));
  EXPECT_TRUE(is_later(stored, arriving));
  EXPECT_FALSE(is_later(arriving, stored));
  EXPECT_TRUE(is_later(after(running, {Failed{"no", ""}}), arriving)) << "an end takes back what never became whole";
}

TEST(ArrivingOutput, IsLeftOutFromTheFirstItemThatIsNotWhole) {
  const std::string whole(64, 'a');
  const Prediction running = after(fresh(), {Claimed{}, Started{}});
  const Prediction stored = after(running, {Produced{0, true, "\"text\"", {}}, item(1, 2, whole)});
  EXPECT_EQ(without_arriving(stored), stored);
  const Prediction more = after(stored, {item(2, 1, ""), Produced{3, true, "\"text\"", {}}, item(4, 1, whole)});
  EXPECT_EQ(without_arriving(more), stored);
  auto half = item(2, 2, whole);
  half.files[1].sha256.clear();
  EXPECT_EQ(without_arriving(after(stored, {half})), stored);
  EXPECT_TRUE(without_arriving(after(running, {item(0, 1, "")})).output.files.empty());
}

TEST(ArrivingOutput, IsNotKeptByACancel) {
  const Prediction running = after(fresh(), {Claimed{}, Started{}});
  const auto shown = std::make_shared<const Prediction>(after(running, {Logged{"50%"}, item(0, 1, "")}));
  const Prediction canceled = after(running, {Canceled{shown}});
  EXPECT_TRUE(canceled.output.empty());
  EXPECT_EQ(canceled.logs, "50%");
}

TEST(Status, HasTheOfficialWords) {
  for (const auto* word : {"starting", "processing", "succeeded", "failed", "canceled", "aborted"}) {
    ASSERT_TRUE(parse_status(word)) << word;
    EXPECT_EQ(to_string(*parse_status(word)), word);
  }
  EXPECT_EQ(parse_status("successful"), std::nullopt);
}

}  // namespace
}  // namespace hekto::domain
