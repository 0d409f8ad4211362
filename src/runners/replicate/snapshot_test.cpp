// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/value_json.h"
#include "tests/support/results.h"

namespace hekto::runners::replicate {
namespace {

using test::code_of;

TEST(Snapshot, ReadsWhatTheServiceShows) {
  const auto s = parse_snapshot(R"({"id":"r1","model":"acme/flux","version":"v1","input":{"prompt":"cat"},
    "logs":"a\nb","output":["x"],"data_removed":false,"error":null,"source":"api","status":"succeeded",
    "created_at":"2026-11-22T10:00:00.5Z","started_at":"2026-11-22T10:00:01Z","completed_at":"2026-11-22T10:00:02Z",
    "metrics":{"predict_time":0.5,"image_count":1},"urls":{"get":"g","stream":"https://s/x"},"deployment":"d"})");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->id, "r1");
  EXPECT_EQ(s->state, domain::Status::succeeded);
  EXPECT_EQ(s->model, "acme/flux");
  EXPECT_EQ(s->version, "v1");
  EXPECT_EQ(json::dump(s->input), R"({"prompt":"cat"})");
  EXPECT_EQ(json::dump(s->output), R"(["x"])");
  EXPECT_EQ(s->logs, "a\nb");
  EXPECT_EQ(s->error, "");
  EXPECT_EQ(s->metrics, R"("predict_time":0.5,"image_count":1)");
  EXPECT_FALSE(s->data_removed);
  EXPECT_EQ(s->stream_url, "https://s/x");
  ASSERT_TRUE(s->created_at && s->started_at && s->completed_at);
  EXPECT_EQ(*s->started_at - *s->created_at, std::chrono::milliseconds(500));
}

TEST(Snapshot, NeedsAnIdAndAStatusAlone) {
  const auto s = parse_snapshot(R"({"id":"r1","status":"starting"})");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->state, domain::Status::starting);
  EXPECT_TRUE(s->input.is_null());
  EXPECT_TRUE(s->output.is_null());
  EXPECT_EQ(s->metrics, "");
  EXPECT_FALSE(s->created_at || s->started_at || s->completed_at);
}

TEST(Snapshot, IsNothingElse) {
  for (const std::string text :
       {"", "null", "[]", "3", R"("r1")", "{}", R"({"id":"r1"})", R"({"status":"starting"})",
        R"({"id":"","status":"starting"})", R"({"id":"r1","status":""})", R"({"id":7,"status":"starting"})",
        R"({"id":"r1","status":null})", R"({"id":"r1","status":"starting")", R"({"id":"r1","status":"starting"} x)",
        R"({"id":{"a":1},"status":"starting"})"}) {
    EXPECT_EQ(code_of(parse_snapshot(text)), ErrorCode::upstream) << text;
  }
}

TEST(Snapshot, TakesMembersOfOtherTypesForAbsent) {
  const auto s = parse_snapshot(R"({"id":"r1","status":"processing","model":7,"version":null,"logs":null,"error":null,
    "metrics":[1],"urls":"x","data_removed":"yes","created_at":5,"started_at":"yesterday","completed_at":null})");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->model, "");
  EXPECT_EQ(s->version, "");
  EXPECT_EQ(s->logs, "");
  EXPECT_EQ(s->metrics, "");
  EXPECT_EQ(s->stream_url, "");
  EXPECT_FALSE(s->data_removed);
  EXPECT_FALSE(s->created_at || s->started_at || s->completed_at);
}

TEST(Snapshot, KeepsAStatusThatItDoesNotKnow) {
  const auto s = parse_snapshot(R"({"id":"r1","status":"pondering"})");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->status, "pondering");
  EXPECT_FALSE(s->state);
}

TEST(Snapshot, ReadsErrorsInEveryForm) {
  const auto error_of = [](const std::string& error) {
    return parse_snapshot(R"({"id":"r1","status":"failed","error":)" + error + "}").value().error;
  };
  EXPECT_EQ(error_of(R"("out of memory")"), "out of memory");
  EXPECT_EQ(error_of(R"({"detail":"out of memory","code":7})"), "out of memory");
  EXPECT_EQ(error_of(R"({"code":7})"), R"({"code":7})");
  EXPECT_EQ(error_of(R"(["a"])"), R"(["a"])");
  EXPECT_EQ(error_of("null"), "");
}

TEST(Snapshot, KeepsMetricsWithoutTheirBraces) {
  EXPECT_EQ(parse_snapshot(R"({"id":"r1","status":"failed","metrics":{}})").value().metrics, "");
}

TEST(Page, SkipsWhatItCannotReadAndKeepsTheRest) {
  const auto page = parse_page(R"({"next":"https://up/v1/predictions?cursor=abc","previous":null,"results":[
    {"id":"r1","status":"starting"}, null, {"id":"r2"}, 7, {"id":"r3","status":"succeeded"}]})");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->items.size(), 2U);
  EXPECT_EQ(page->items[0].id, "r1");
  EXPECT_EQ(page->items[1].id, "r3");
  EXPECT_EQ(page->next, "https://up/v1/predictions?cursor=abc");
}

TEST(Page, EndsWhereThereIsNoNext) {
  EXPECT_EQ(parse_page(R"({"next":null,"results":[]})").value().next, "");
  EXPECT_EQ(parse_page(R"({"results":[]})").value().next, "");
}

TEST(Page, IsNothingElse) {
  for (const std::string text : {"", "[]", "{}", R"({"results":null})", R"({"results":{}})", R"({"results":[)"}) {
    EXPECT_EQ(code_of(parse_page(text)), ErrorCode::upstream) << text;
  }
}

/// Head and whole, of a state with these members beside id and status.
std::pair<std::uint64_t, std::uint64_t> print_of(const std::string& status, const std::string& members) {
  const auto print = fingerprint(parse_snapshot(R"({"id":"r1","status":")" + status + "\"," + members + "}").value());
  return {print.head, print.whole};
}

TEST(SnapshotFingerprint, TellsWhatIsNew) {
  const auto before = print_of("processing", R"("output":["a"],"logs":"x","error":null,"started_at":null)");
  EXPECT_EQ(before, print_of("processing", R"("output":["a"],"logs":"x")"));
  for (const std::string members :
       {R"("output":["a","b"],"logs":"x")", R"("output":null,"logs":"x")", R"("output":["a"],"logs":"xy")",
        R"("output":["a"],"logs":"x","error":"e")", R"("output":["a"],"logs":"x","started_at":"2026-11-22T10:00:01Z")",
        R"("output":["a"],"logs":"x","urls":{"stream":"https://s/x"})", R"("output":["ax"],"logs":"")"}) {
    EXPECT_NE(before, print_of("processing", members)) << members;
  }
  EXPECT_NE(before, print_of("starting", R"("output":["a"],"logs":"x")"));
}

TEST(SnapshotFingerprint, LeavesOutWhatIsWrittenDifferentlyEachTime) {
  const std::string same = R"("output":null,"logs":"",)";
  EXPECT_EQ(
      print_of("processing", same + R"("started_at":"2026-11-22T10:00:01.123456Z","urls":{"stream":"https://s/1"})"),
      print_of("processing", same + R"("started_at":"2026-11-22T10:00:01.123Z","urls":{"stream":"https://s/2"})"));
}

TEST(SnapshotFingerprint, SaysNothingOfWhatIsNotShown) {
  const auto part = print_of("processing", R"("model":"acme/flux")");
  EXPECT_EQ(part.second, 0U);
  EXPECT_EQ(part.first, print_of("processing", R"("output":["a"],"logs":"x")").first);
}

}  // namespace
}  // namespace hekto::runners::replicate
