// SPDX-License-Identifier: Apache-2.0
#include "cli/upstream_commands.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/value_json.h"

namespace hekto::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class UpstreamCommands : public testing::Test {
 protected:
  void answer(unsigned status, const char* body) { reply_ = app::AdminReply{status, json::parse(body).value()}; }

  app::AdminReply reply_;
  std::vector<std::string> calls_;
  std::ostringstream out_;
  std::ostringstream err_;
  Terminal terminal_{.out = out_, .err = err_};
  AdminCall call_ = [this](std::string_view method, std::string_view path,
                           const domain::Value&) -> Result<app::AdminReply> {
    calls_.push_back(std::string(method) + " " + std::string(path));
    return reply_;
  };
};

TEST_F(UpstreamCommands, ListShowsEachAccountWithItsState) {
  answer(200, R"({"upstreams":[{"name":"replicate","url":"https://api.replicate.com","accounts":[
    {"name":"main","state":"ok","until":null,"open":12,"submitting":3,"accepted":40,"refused":1,"turned_away":2,
     "ambiguous":0,"requests":99,"creates_left":60,"creates_per_minute":600,"create_ms":180},
    {"name":"spare","state":"throttled","until":"2026-11-22T10:15:30.000000Z","open":0,"submitting":0,"accepted":0,
     "refused":0,"turned_away":5,"ambiguous":0,"requests":5,"creates_left":0,"creates_per_minute":6,"create_ms":0}]}],
    "waiting":7})");
  EXPECT_EQ(list_upstreams(call_, false, terminal_), kDone);
  EXPECT_THAT(calls_, ElementsAre("GET /admin/v1/upstreams"));
  EXPECT_THAT(out_.str(), HasSubstr("main"));
  EXPECT_THAT(out_.str(), HasSubstr("60 of 600"));
  EXPECT_THAT(out_.str(), HasSubstr("180 ms"));
  EXPECT_THAT(out_.str(), HasSubstr("throttled until 2026-11-22 10:15:30"));
  EXPECT_THAT(err_.str(), HasSubstr("7 predictions wait"));
}

TEST_F(UpstreamCommands, ListSaysHowUpstreamsAreMadeWhenThereAreNone) {
  answer(200, R"({"upstreams":[],"waiting":0})");
  EXPECT_EQ(list_upstreams(call_, false, terminal_), kDone);
  EXPECT_THAT(err_.str(), HasSubstr("REPLICATE_API_TOKEN"));
}

TEST_F(UpstreamCommands, ListFailsWhenNoServerRuns) {
  answer(503, R"({"detail":"no server runs on this data folder","status":503})");
  EXPECT_EQ(list_upstreams(call_, false, terminal_), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("no server runs"));
}

TEST_F(UpstreamCommands, UnknownShowsWhatIsNeededToLookASubmissionUp) {
  answer(200, R"({"submissions":[{"prediction":"06h1","account":"builds","model":"acme/painter",
    "upstream":"replicate","upstream_account":"main","sent_at":"2026-11-22T10:15:30.000000Z"}]})");
  EXPECT_EQ(list_unknown_submissions(call_, 7, false, terminal_), kDone);
  EXPECT_THAT(calls_, ElementsAre("GET /admin/v1/submissions?limit=7"));
  for (const char* part : {"06h1", "builds", "acme/painter", "replicate/main", "2026-11-22 10:15:30"}) {
    EXPECT_THAT(out_.str(), HasSubstr(part));
  }
  EXPECT_THAT(err_.str(), HasSubstr("settle"));
}

TEST_F(UpstreamCommands, SettleTakesOnlyWhatCanBeAnId) {
  answer(200, R"({"prediction":"06h1"})");
  EXPECT_EQ(settle_submission(call_, "06h1", terminal_), kDone);
  for (const char* bad : {"", "../keys", "A B"}) EXPECT_EQ(settle_submission(call_, bad, terminal_), kUsage) << bad;
  EXPECT_THAT(calls_, ElementsAre("POST /admin/v1/submissions/06h1/settle"));
  answer(404, R"({"detail":"there is no unknown submission of a prediction 06h2","status":404})");
  EXPECT_EQ(settle_submission(call_, "06h2", terminal_), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("no unknown submission"));
}

}  // namespace
}  // namespace hekto::cli
