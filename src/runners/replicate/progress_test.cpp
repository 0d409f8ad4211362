// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/progress.h"

#include <algorithm>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/value_json.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using domain::Status;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kToken = "r8_abcdefghijklmnopqrstuvwxyz";

UpstreamOptions some_upstream() {
  UpstreamOptions options;
  options.url = "https://up.example/base";
  options.accounts.resize(1);
  options.accounts[0].token = Secret(kToken);
  options.accounts[0].username = "mallory";
  return options;
}

Snapshot running(std::vector<std::string> texts, std::string logs = "") {
  domain::Value::Array list(texts.begin(), texts.end());
  Snapshot s;
  s.id = "r1";
  s.state = Status::processing;
  s.output = domain::Value(std::move(list));
  s.logs = std::move(logs);
  return s;
}
Snapshot ended(std::vector<std::string> texts, std::string logs = "") {
  auto s = running(std::move(texts), std::move(logs));
  s.state = Status::succeeded;
  s.completed_at = Time{};
  return s;
}
Snapshot with_output(Status state, std::string_view json) {
  Snapshot s;
  s.state = state;
  s.output = *json::parse(json);
  return s;
}

class RelayProgress : public testing::Test {
 protected:
  /// Takes what `steps` deliver, as a sink would: an item goes behind the last, and never changes.
  void take(std::vector<Step> steps) {
    for (auto& step : steps) {
      if (std::holds_alternative<StepStart>(step)) {
        ++starts;
        prediction.status = Status::processing;
      } else if (auto* log = std::get_if<StepLog>(&step)) {
        prediction.logs += log->text;
      } else if (auto* item = std::get_if<StepItem>(&step)) {
        EXPECT_EQ(item->index, prediction.output.items.size());
        prediction.output.is_list = item->list;
        prediction.output.items.push_back(item->json);
        files.insert(files.end(), item->files.begin(), item->files.end());
      } else {
        end = std::move(step);
      }
    }
  }
  void show(const Snapshot& snapshot) { take(progress->on_snapshot(snapshot)); }
  /// Pieces of the stream from place `from` on.
  void stream(std::size_t from, std::vector<std::string> texts) {
    std::vector<StreamPiece> pieces;
    for (auto& text : texts) pieces.push_back({from++, std::move(text)});
    take(progress->on_pieces(std::move(pieces)));
  }
  /// Another process takes up what the store has: the first `items` of the output.
  void restart(std::size_t items) {
    prediction.output.items.resize(items);
    progress.emplace(options, scrubber, prediction);
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const auto& item : prediction.output.items) {
      const auto value = json::parse(item);
      all.push_back(value && value->as_string() != nullptr ? *value->as_string() : item);
    }
    return all;
  }
  std::string text() const {
    std::string all;
    for (const auto& one : texts()) all += one;
    return all;
  }

  UpstreamOptions options = some_upstream();
  Scrubber scrubber{options};
  domain::Prediction prediction;
  std::optional<Progress> progress{std::in_place, options, scrubber, prediction};
  int starts = 0;
  std::vector<std::string> files;
  std::optional<Step> end;
};

TEST_F(RelayProgress, DeliversAListItemByItemAndEachOnce) {
  Snapshot starting;
  starting.state = Status::starting;
  show(starting);
  EXPECT_EQ(starts, 0);

  show(running({"Once"}));
  show(running({"Once", " upon", " a"}));
  show(running({"Once", " upon"}));  // it comes late
  show(ended({"Once", " upon", " a", " time"}));

  EXPECT_EQ(starts, 1);
  EXPECT_THAT(texts(), ElementsAre("Once", " upon", " a", " time"));
  EXPECT_TRUE(std::holds_alternative<StepSucceeded>(*end));
  EXPECT_TRUE(progress->ended());
}

TEST_F(RelayProgress, DeliversAValueOnlyAtTheEnd) {
  show(with_output(Status::processing, R"("half")"));
  EXPECT_THAT(texts(), IsEmpty());

  show(with_output(Status::succeeded, R"("half and whole")"));

  EXPECT_THAT(texts(), ElementsAre("half and whole"));
  EXPECT_FALSE(prediction.output.is_list);
}

TEST_F(RelayProgress, SaysWhatIsAFileAndWhatOnlyLooksLikeOne) {
  show(with_output(Status::succeeded, R"(["https://replicate.delivery/a/out.png", "data:image/png;base64,AAAA",
       "data:", "data: this, and that", "https://elsewhere.example/x.png", {"mask": "https://up.example/f"}, 3])"));

  EXPECT_THAT(files, ElementsAre("https://replicate.delivery/a/out.png", "data:image/png;base64,AAAA",
                                 "https://up.example/f"));
  EXPECT_THAT(prediction.output.items,
              ElementsAre(domain::file_placeholder(0), domain::file_placeholder(0), R"("data:")",
                          R"("data: this, and that")", R"("https://elsewhere.example/x.png")",
                          R"({"mask":)" + domain::file_placeholder(0) + "}", "3"));
}

TEST_F(RelayProgress, HandsLinksOnAsTheyAreWhereOutputsArePassed) {
  options.rehost = false;
  show(running({"https://replicate.delivery/a/out.png"}));
  show(ended({"https://replicate.delivery/a/out.png", "https://up.example/files/b.png"}));

  EXPECT_THAT(texts(), ElementsAre("https://replicate.delivery/a/out.png", "https://up.example/files/b.png"));
  EXPECT_THAT(files, IsEmpty());
  EXPECT_TRUE(progress->refuses_pieces());
}

TEST_F(RelayProgress, TellsHowItEnded) {
  Snapshot failed;
  failed.state = Status::failed;
  failed.error = "CUDA out of memory for mallory, see " + options.url;
  failed.metrics = R"("predict_time":1)";
  show(failed);
  const auto* step = std::get_if<StepFailed>(&*end);
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->error, "CUDA out of memory for ***, see https://upstream.invalid");
  EXPECT_EQ(step->metrics, failed.metrics);
  EXPECT_THAT(progress->on_snapshot(ended({"late"})), IsEmpty());

  for (const auto state : {Status::canceled, Status::aborted}) {
    progress.emplace(options, scrubber, prediction);
    Snapshot canceled;
    canceled.state = state;
    show(canceled);
    EXPECT_TRUE(std::holds_alternative<StepCanceled>(*end));
  }
}

TEST_F(RelayProgress, TakesAnEndThatHasANameOfTomorrowForAFailure) {
  Snapshot strange;
  strange.status = "expired";
  show(strange);
  EXPECT_FALSE(end);

  strange.completed_at = Time{};
  show(strange);

  ASSERT_TRUE(end && std::holds_alternative<StepFailed>(*end));
  EXPECT_EQ(std::get<StepFailed>(*end).error, "Prediction ended with status expired");
}

TEST_F(RelayProgress, FailsWhenTheOutputIsGoneBeforeItWasSeen) {
  Snapshot gone;
  gone.state = Status::succeeded;
  gone.data_removed = true;
  show(gone);
  ASSERT_TRUE(std::holds_alternative<StepFailed>(*end));
  EXPECT_THAT(std::get<StepFailed>(*end).error, testing::HasSubstr("output_unavailable"));
}

TEST_F(RelayProgress, LetsLogsOnlyGrow) {
  show(running({}, "one\n"));
  show(running({}, "one\ntwo\n"));
  show(running({}, "one\n"));
  EXPECT_EQ(prediction.logs, "one\ntwo\n");

  show(running({}, "two\nthree\n"));  // rewritten, without anything that is known: not before the end
  EXPECT_EQ(prediction.logs, "one\ntwo\n");
  show(ended({}, "one\ntwo\nthree\n"));

  EXPECT_EQ(prediction.logs, "one\ntwo\nthree\n");
}

TEST_F(RelayProgress, GoesOnBehindLogsWhoseBeginningWasCutOff) {
  const std::string last(250, 'x');
  show(running({}, "first\n" + last));

  show(running({}, last + " more"));

  EXPECT_EQ(prediction.logs, "first\n" + last + " more");
}

TEST_F(RelayProgress, KeepsATokenOutOfLogsHoweverTheyGrow) {
  const auto logs = "using " + kToken + " now";
  for (std::size_t size = 1; size <= logs.size(); ++size) show(running({}, logs.substr(0, size)));
  show(ended({}, logs));

  EXPECT_EQ(prediction.logs, "using *** now");
}

TEST_F(RelayProgress, TakesNoPiecesBeforeItRunsAndIsKnownToBeAList) {
  EXPECT_FALSE(progress->takes_pieces());
  stream(0, {"early"});
  Snapshot begun;
  begun.state = Status::processing;
  show(begun);
  EXPECT_FALSE(progress->takes_pieces());
  progress->expect_list();
  EXPECT_TRUE(progress->takes_pieces());

  stream(0, {"Once"});

  EXPECT_THAT(texts(), ElementsAre("Once"));
}

TEST_F(RelayProgress, RefusesTheStreamOfAValue) {
  show(with_output(Status::processing, R"("half")"));
  EXPECT_TRUE(progress->refuses_pieces());

  stream(0, {"half"});
  show(with_output(Status::succeeded, R"("half and whole")"));

  EXPECT_THAT(texts(), ElementsAre("half and whole"));
}

TEST_F(RelayProgress, DeliversAPieceByWhicheverWayItComesFirst) {
  show(running({"a"}));
  stream(0, {"a", "b", "c"});
  EXPECT_THAT(texts(), ElementsAre("a", "b", "c"));
  show(running({"a", "b"}));
  show(running({"a", "b", "c", "", "d"}));
  stream(3, {""});
  stream(4, {"d", "e"});
  stream(0, {"a", "b"});  // replayed

  show(ended({"a", "b", "c", "", "d", "e", ""}));

  EXPECT_THAT(texts(), ElementsAre("a", "b", "c", "", "d", "e", ""));
  EXPECT_FALSE(progress->refuses_pieces());
}

/// All orders in which the stream's pieces and the states may come, for outputs that are cut alike.
TEST_F(RelayProgress, EndsWithTheUpstreamsItemsInWhateverOrderTheyCome) {
  const std::vector<std::string> all = {"", "a", "a", "\n", "aa", "r8", "_", "h", ""};
  for (unsigned order = 0; order < (1U << all.size()); ++order) {
    prediction = {};
    progress.emplace(options, scrubber, prediction);
    show(running({}));
    std::size_t streamed = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((order >> i & 1U) != 0) {
        show(running({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i) + 1}));
      } else {
        for (; streamed <= i; ++streamed) stream(streamed, {all[streamed]});
      }
    }
    show(ended(all));
    ASSERT_EQ(texts(), all) << order;
  }
}

TEST_F(RelayProgress, PassesOverWhatWasDeliveredBeforeARestart) {
  const std::vector<std::string> all = {"Once", "", " upon", " a", " time"};
  for (std::size_t committed = 0; committed <= all.size(); ++committed) {
    prediction = {};
    progress.emplace(options, scrubber, prediction);
    show(running({}));
    stream(0, all);
    restart(committed);
    if (committed == 0) show(running({}));

    stream(0, all);
    EXPECT_EQ(texts(), all) << committed;
    show(ended(all));

    EXPECT_EQ(texts(), all) << committed;
  }
}

TEST_F(RelayProgress, GoesByTheTextWhereTheStreamIsCutOtherwise) {
  show(running({"Once up", "on"}));
  stream(0, {"Once", " upon a", " ti", "me"});
  EXPECT_THAT(texts(), ElementsAre("Once up", "on", " a", " ti", "me"));
  show(running({"Once up", "on", " a time", " there"}));
  EXPECT_THAT(texts(), ElementsAre("Once up", "on", " a", " ti", "me", " there"));
  stream(4, {" th", "ere was"});

  show(ended({"Once up", "on", " a time", " there", " was one"}));

  EXPECT_EQ(text(), "Once upon a time there was one");
  EXPECT_FALSE(progress->refuses_pieces());
}

TEST_F(RelayProgress, EndsWithTheUpstreamsTextHoweverBothAreCut) {
  const std::string whole = "Once upon a time\n\nthere was aaa a\n";
  const auto cut = [&](std::size_t size) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < whole.size(); at += size) pieces.push_back(whole.substr(at, size));
    return pieces;
  };
  const auto first = [](const std::vector<std::string>& all, std::size_t count) {
    count = std::min(count, all.size());
    return std::vector<std::string>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
  };
  for (const std::size_t list_size : {1U, 3U, 7U, 100U}) {
    for (const std::size_t stream_size : {1U, 2U, 5U, 100U}) {
      for (const std::size_t committed : {0U, 1U, 2U, 4U}) {
        const auto list = cut(list_size);
        const auto pieces = cut(stream_size);
        prediction = {};
        progress.emplace(options, scrubber, prediction);
        show(running(first(list, 1)));
        for (std::size_t i = 0; i < pieces.size(); ++i) {
          stream(i, {pieces[i]});
          show(running(first(list, i / 2)));
          if (i != 4) continue;
          restart(std::min(committed, prediction.output.items.size()));
          show(running(first(list, 1)));
          stream(0, first(pieces, i + 1));
        }
        show(ended(list));
        ASSERT_EQ(text(), whole) << list_size << " " << stream_size << " " << committed;
      }
    }
  }
}

TEST_F(RelayProgress, KnowsALineBreakThatTheStreamCannotTell) {
  show(running({}));
  stream(0, {"a\nb", "\n", "c"});

  show(ended({"a\r\nb", "\r", "c", "\xE2\x80\xA8", "d"}));

  EXPECT_THAT(texts(), ElementsAre("a\nb", "\n", "c", "\xE2\x80\xA8", "d"));
}

TEST_F(RelayProgress, CutsOtherLineBreaksWhereTheyAre) {
  show(running({}));
  stream(0, {"a\nb"});

  show(ended({"a\r\nbc\r\nd"}));

  EXPECT_THAT(texts(), ElementsAre("a\nb", "c\r\nd"));
}

TEST_F(RelayProgress, LeavesAStreamThatTellsAnotherText) {
  show(running({"Once", " upon"}));

  stream(0, {"Twice", " upon", " a"});

  EXPECT_TRUE(progress->refuses_pieces());
  show(ended({"Once", " upon", " a"}));
  EXPECT_THAT(texts(), ElementsAre("Once", " upon", " a"));
}

TEST_F(RelayProgress, NeverChangesWhatWasShownWhenTheListTellsAnotherText) {
  show(running({}));
  stream(0, {"Onze", " upon"});

  show(ended({"Once", " upon", " a"}));

  EXPECT_THAT(texts(), ElementsAre("Onze", " upon", " a"));
}

TEST_F(RelayProgress, LeavesAStreamWithAGapOrAFile) {
  show(running({"a"}));
  stream(1, {"b"});
  EXPECT_TRUE(progress->refuses_pieces());

  progress.emplace(options, scrubber, prediction);
  show(running({"a"}));
  stream(0, {"a", "https://replicate.delivery/x/out.png"});
  EXPECT_TRUE(progress->refuses_pieces());
  EXPECT_THAT(texts(), ElementsAre("a"));
}

TEST_F(RelayProgress, KeepsATokenOutOfTextHoweverItIsCut) {
  const std::string whole = "my " + kToken + " at https://up.example/base/v1 and r8_abc";
  const std::string clean = "my *** at https://upstream.invalid/v1 and r8_abc";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < whole.size(); at += size) pieces.push_back(whole.substr(at, size));
    const auto is_file = [&](const auto& piece) { return is_output_url(options, piece); };
    if (std::ranges::any_of(pieces, is_file)) continue;  // a URL of the upstream is no text
    prediction = {};
    progress.emplace(options, scrubber, prediction);
    show(running({}));
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      stream(i, {pieces[i]});
      ASSERT_TRUE(clean.starts_with(text())) << size << ": " << text();
    }
    const auto streamed = texts();
    show(ended(pieces));
    ASSERT_EQ(text(), clean) << size;
    const auto both = texts();
    ASSERT_EQ(both.size(), pieces.size()) << size;
    ASSERT_TRUE(std::equal(streamed.begin(), streamed.end(), both.begin())) << size;

    // By states alone the same items come out.
    prediction = {};
    progress.emplace(options, scrubber, prediction);
    for (std::size_t i = 0; i <= pieces.size(); ++i) {
      show(running({pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(i)}));
      ASSERT_TRUE(clean.starts_with(text())) << size << ": " << text();
    }
    show(ended(pieces));
    ASSERT_EQ(texts(), both) << size;
  }
}

TEST_F(RelayProgress, LetsTheUsersNameStandInOutput) {
  show(running({}));
  stream(0, {"by mallory", ", my", "self"});
  EXPECT_THAT(texts(), ElementsAre("by mallory", ", my", "self"));
}

}  // namespace
}  // namespace hekto::runners::replicate
