// SPDX-License-Identifier: Apache-2.0
#include "cli/webhook_commands.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/value_json.h"

namespace hekto::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class WebhookCommands : public testing::Test {
 protected:
  void answer(unsigned status, const char* body) { reply_ = app::AdminReply{status, json::parse(body).value()}; }

  app::AdminReply reply_;
  std::vector<std::string> calls_;
  std::ostringstream out_;
  std::ostringstream err_;
  Terminal terminal_{.out = out_, .err = err_};
  AdminCall call_ = [this](std::string_view method, std::string_view path,
                           const domain::Value& body) -> Result<app::AdminReply> {
    calls_.push_back(std::string(method) + " " + std::string(path) + " " + json::dump(body));
    return reply_;
  };
};

TEST_F(WebhookCommands, ListShowsHowTheLastAttemptWentAndNoSecretPartOfTheUrl) {
  answer(200, R"({"webhooks":[
    {"id":"msg_a","account":"builds","state":"pending","attempts":2,"next_attempt_at":"2026-11-22T10:15:30.000000Z",
     "url":"https://hook.example/in?token=hidden","log":[{"status":500,"error":null},{"status":null,"error":"no answer in time"}]},
    {"id":"msg_b","account":"default","state":"delivered","attempts":1,"next_attempt_at":null,
     "url":"https://hook.example:8443/","log":[{"status":204,"error":null}]},
    {"id":"msg_c","account":"default","state":"pending","attempts":0,"next_attempt_at":"2026-11-22T10:15:30.000000Z",
     "url":"https://hook.example/","log":[]}]})");
  EXPECT_EQ(list_webhooks(call_, {}, terminal_), kDone);
  EXPECT_THAT(calls_, ElementsAre("GET /admin/v1/webhooks?limit=100 null"));
  EXPECT_THAT(out_.str(), HasSubstr("no answer in time"));
  EXPECT_THAT(out_.str(), HasSubstr("2026-11-22 10:15:30"));
  EXPECT_THAT(out_.str(), HasSubstr("https://hook.example:8443"));
  EXPECT_THAT(out_.str(), HasSubstr("204"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("hidden")));
}

TEST_F(WebhookCommands, ListAsksForWhatItsOptionsSay) {
  answer(200, R"({"webhooks":[]})");
  EXPECT_EQ(list_webhooks(call_, {.account = "a b", .failed = true, .limit = 7, .json = true}, terminal_), kDone);
  EXPECT_THAT(calls_, ElementsAre("GET /admin/v1/webhooks?limit=7&failed=true&account=a%20b null"));
  EXPECT_EQ(out_.str(), "{\"webhooks\":[]}\n");
}

TEST_F(WebhookCommands, ResendTakesOnlyWhatCanBeAnId) {
  answer(202, R"({"id":"msg_a"})");
  EXPECT_EQ(resend_webhook(call_, "msg_a", terminal_), kDone);
  EXPECT_THAT(calls_, ElementsAre("POST /admin/v1/webhooks/msg_a/resend null"));
  for (const char* bad : {"", "../keys", "msg a", "MSG"})
    EXPECT_EQ(resend_webhook(call_, bad, terminal_), kUsage) << bad;
  EXPECT_EQ(calls_.size(), 1u);
  answer(404, R"({"detail":"there is no webhook message msg_b","status":404})");
  EXPECT_EQ(resend_webhook(call_, "msg_b", terminal_), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("there is no webhook message msg_b"));
}

TEST_F(WebhookCommands, RotatePrintsTheSecretAloneOnTheLastLine) {
  answer(200, R"({"account":"builds","key":"whsec_abc","previous_until":"2026-11-22T10:15:30.000000Z"})");
  EXPECT_EQ(rotate_webhook_secret(call_, "builds", terminal_), kDone);
  EXPECT_THAT(calls_, ElementsAre(R"(POST /admin/v1/webhook-secrets/rotate {"account":"builds"})"));
  EXPECT_EQ(out_.str(), "whsec_abc\n");
  EXPECT_THAT(err_.str(), HasSubstr("until 2026-11-22 10:15:30"));
}

}  // namespace
}  // namespace hekto::cli
