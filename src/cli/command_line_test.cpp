// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/openapi_text.h"
#include "domain/key.h"
#include "json/value_json.h"

namespace hekto::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A command line whose commands are recorded instead of carried out.
class CommandLineTest : public testing::Test {
 protected:
  int run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    Terminal terminal{.out = out_, .err = err_};
    const Actions actions{
        .serve = [this](const app::Config& config) { return served_ = config, 7; },
        .admin_call = [this](const std::filesystem::path& data, std::string_view method, std::string_view path,
                             const domain::Value& body) -> Result<app::AdminReply> {
          calls_.push_back(data.string() + " " + std::string(method) + " " + std::string(path) + " " +
                           json::dump(body));
          return reply_;
        },
        .run = [this](const RunOptions& options, Terminal&) { return ran_ = options, 5; },
        .environment = [this](const std::string& name) -> std::optional<std::string> {
          const auto found = variables_.find(name);
          return found == variables_.end() ? std::nullopt : std::optional(found->second);
        }};
    return run_command_line(std::move(arguments), actions, terminal);
  }
  void answer(unsigned status, const char* body) { reply_ = app::AdminReply{status, json::parse(body).value()}; }

  std::map<std::string, std::string> variables_{{"HEKTO_CONFIG", "/dev/null"}};
  Result<app::AdminReply> reply_;
  std::vector<std::string> calls_;
  std::optional<app::Config> served_;
  std::optional<RunOptions> ran_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandLineTest, ServesWithTheFlagsOfTheOptionTable) {
  EXPECT_EQ(run({"serve", "--data", "/d", "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--links-lifetime=30m",
                 "--rate-limits-creates", "5", "--public-url", "https://h.example"}),
            7);

  EXPECT_EQ(served_->data, "/d");
  EXPECT_THAT(served_->listen, ElementsAre("127.0.0.1:0", "[::1]:0"));
  EXPECT_EQ(served_->link_lifetime, std::chrono::minutes(30));
  EXPECT_EQ(served_->rate_creates, 5);
  EXPECT_EQ(served_->public_url, "https://h.example");
}

TEST_F(CommandLineTest, AnswersABadOptionWithTheExitCodeForUsage) {
  EXPECT_EQ(run({"serve", "--threads", "many"}), kUsage);
  EXPECT_EQ(err_.str(), "error: --threads expects a whole number, got 'many'\nSee 'hekto serve --help'.\n");
  EXPECT_EQ(run({"serve", "--threads", "1", "--threads", "2"}), kUsage);
  EXPECT_EQ(run({"serve", "--threads"}), kUsage);
  EXPECT_FALSE(served_);
}

TEST_F(CommandLineTest, OffersTheCommandOrOptionThatWasMeant) {
  EXPECT_EQ(run({"sevre"}), kUsage);
  EXPECT_EQ(err_.str(), "error: there is no command 'sevre'; did you mean 'serve'?\nSee 'hekto --help'.\n");
  EXPECT_EQ(run({"keys", "lsit"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("there is no command 'keys lsit'; did you mean 'list'?"));
  EXPECT_EQ(run({"serve", "--lisen", "x"}), kUsage);
  EXPECT_EQ(err_.str(), "error: there is no option '--lisen'; did you mean '--listen'?\nSee 'hekto serve --help'.\n");
  EXPECT_EQ(run({"frobnicate"}), kUsage);
  EXPECT_THAT(err_.str(), Not(HasSubstr("did you mean")));
}

TEST_F(CommandLineTest, WantsACommand) {
  EXPECT_EQ(run({}), kUsage);
  EXPECT_EQ(run({"keys"}), kUsage);
  EXPECT_EQ(run({"keys", "list", "surplus"}), kUsage);
  EXPECT_EQ(run({"accounts", "create"}), kUsage);
  EXPECT_EQ(out_.str(), "");
}

TEST_F(CommandLineTest, HelpsWithExamplesEverywhere) {
  const std::vector<std::vector<std::string>> commands = {{},
                                                          {"serve"},
                                                          {"keys"},
                                                          {"keys", "create"},
                                                          {"keys", "list"},
                                                          {"keys", "revoke"},
                                                          {"accounts"},
                                                          {"accounts", "create"},
                                                          {"accounts", "list"},
                                                          {"run"},
                                                          {"openapi"},
                                                          {"version"}};
  for (auto command : commands) {
    const auto name = testing::PrintToString(command);
    command.push_back("--help");

    EXPECT_EQ(run(command), kDone) << name;

    EXPECT_THAT(out_.str(), HasSubstr("Example")) << name;
    EXPECT_EQ(err_.str(), "") << name;
  }
  run({"serve", "--help"});
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("Usage: hekto serve"), HasSubstr("--limits-body-bytes SIZE=16MiB")));
}

TEST_F(CommandLineTest, PrintsItsVersion) {
  EXPECT_EQ(run({"version"}), kDone);
  EXPECT_THAT(out_.str(), StartsWith("hekto "));
  const auto version = out_.str();
  EXPECT_EQ(run({"--version"}), kDone);
  EXPECT_EQ(out_.str(), version);
}

TEST_F(CommandLineTest, PrintsTheOpenApiDocument) {
  EXPECT_EQ(run({"openapi"}), kDone);
  EXPECT_THAT(out_.str(), StartsWith(R"({"openapi":"3.1.0",)"));
  EXPECT_EQ(out_.str(), api::openapi_document("/v1") + "\n");
}

TEST_F(CommandLineTest, PrintsTheOptionTable) {
  EXPECT_EQ(run({"serve", "--options-markdown"}), kDone);
  EXPECT_EQ(out_.str(), app::options_markdown());
}

TEST_F(CommandLineTest, PrintsANewKeyAloneOnTheOutput) {
  answer(201, R"({"id":"k1","name":"ci","account":"builds","mode":"test","created_at":"2026-11-22T10:15:30.000000Z",
                  "expires_at":"2026-12-22T10:15:30.000000Z","revoked_at":null,"key":"hk-test-secret"})");

  EXPECT_EQ(
      run({"keys", "create", "--name", "ci", "--account", "builds", "--test", "--expires", "30d", "--data", "/d"}),
      kDone);

  EXPECT_EQ(out_.str(), "hk-test-secret\n");
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("test key k1 of account builds, valid until 2026-12-22 10:15:30 UTC"),
                                HasSubstr("only this once"), Not(HasSubstr("hk-test-secret"))));
  EXPECT_THAT(calls_, ElementsAre("/d POST /admin/v1/keys "
                                  R"({"name":"ci","account":"builds","test":true,"expires_seconds":2592000})"));
}

TEST_F(CommandLineTest, FindsTheDataFolderByFlagThenVariable) {
  answer(200, R"({"keys":[]})");
  variables_["HEKTO_DATA"] = "/from-variable";

  EXPECT_EQ(run({"keys", "list"}), kDone);
  EXPECT_EQ(run({"keys", "--data", "/before", "list"}), kDone);
  EXPECT_EQ(run({"keys", "list", "--data", "/after"}), kDone);

  EXPECT_THAT(calls_, ElementsAre("/from-variable GET /admin/v1/keys null", "/before GET /admin/v1/keys null",
                                  "/after GET /admin/v1/keys null"));
}

TEST_F(CommandLineTest, ListsKeysAsATable) {
  answer(200, R"({"keys":[
    {"id":"k1","name":"laptop","account":"default","mode":"live","created_at":"2026-11-22T10:15:30.000000Z",
     "expires_at":null,"revoked_at":null},
    {"id":"k2","name":"old","account":"default","mode":"live","created_at":"2020-01-01T00:00:00.000000Z",
     "expires_at":"2020-02-01T00:00:00.000000Z","revoked_at":null},
    {"id":"k3","name":"gone","account":"default","mode":"test","created_at":"2020-01-01T00:00:00.000000Z",
     "expires_at":null,"revoked_at":"2020-01-02T00:00:00.000000Z"}]})");

  EXPECT_EQ(run({"keys", "list"}), kDone);

  EXPECT_EQ(out_.str(),
            "ID  NAME    ACCOUNT  MODE  STATE    CREATED              EXPIRES\n"
            "k1  laptop  default  live  active   2026-11-22 10:15:30  -\n"
            "k2  old     default  live  expired  2020-01-01 00:00:00  2020-02-01 00:00:00\n"
            "k3  gone    default  test  revoked  2020-01-01 00:00:00  -\n");
  EXPECT_EQ(run({"keys", "list", "--json"}), kDone);
  EXPECT_EQ(json::parse(out_.str()), reply_->body);
}

TEST_F(CommandLineTest, RevokesByIdOrByTheKeyItself) {
  answer(200, R"({"id":"k1","name":"laptop"})");
  const auto key = domain::new_key_text(false);

  EXPECT_EQ(run({"keys", "revoke", "k1"}), kDone);
  EXPECT_EQ(run({"keys", "revoke", key.text.reveal()}), kDone);
  EXPECT_EQ(run({"keys", "revoke", "../accounts"}), kUsage);

  EXPECT_THAT(calls_, ElementsAre(HasSubstr("POST /admin/v1/keys/k1/revoke"),
                                  HasSubstr("POST /admin/v1/keys/" + key.id + "/revoke")));
}

TEST_F(CommandLineTest, PassesOnWhyAnAdministrativeCallFailed) {
  answer(409, R"({"detail":"the account exists already","status":409})");
  EXPECT_EQ(run({"accounts", "create", "builds"}), kFailed);
  EXPECT_EQ(err_.str(), "error: the account exists already\n");

  reply_ = fail(ErrorCode::unavailable, "the data folder is in use");
  EXPECT_EQ(run({"accounts", "list"}), kFailed);
  EXPECT_EQ(err_.str(), "error: the data folder is in use\n");
  EXPECT_EQ(run({"keys", "create", "--name", "x", "--expires", "soon"}), kUsage);
  EXPECT_EQ(run({"keys", "create", "--name", "x", "--expires", "0s"}), kUsage);
}

TEST_F(CommandLineTest, ListsAccounts) {
  answer(200, R"({"accounts":[{"id":"a1","name":"default","created_at":"2026-11-22T10:15:30.000000Z"}]})");

  EXPECT_EQ(run({"accounts", "list"}), kDone);

  EXPECT_THAT(out_.str(), EndsWith("a1  default  2026-11-22 10:15:30\n"));
}

TEST_F(CommandLineTest, ShowsUpstreamsUnlessAnotherWordFollows) {
  answer(200, R"({"upstreams":[],"waiting":0})");
  EXPECT_EQ(run({"upstreams", "--json", "--data", "/d"}), 0);
  EXPECT_EQ(out_.str(), "{\"upstreams\":[],\"waiting\":0}\n");
  answer(200, R"({"submissions":[]})");
  EXPECT_EQ(run({"upstreams", "unknown", "--limit", "5", "--json", "--data", "/d"}), 0);
  EXPECT_EQ(out_.str(), "{\"submissions\":[]}\n");
  answer(200, R"({"prediction":"06h1"})");
  EXPECT_EQ(run({"upstreams", "--data", "/d", "settle", "06h1"}), 0);
  EXPECT_THAT(calls_, ElementsAre("/d GET /admin/v1/upstreams null", "/d GET /admin/v1/submissions?limit=5 null",
                                  "/d POST /admin/v1/submissions/06h1/settle null"));
  EXPECT_EQ(run({"upstreams", "settel", "06h1"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("did you mean 'settle'?"));
}

TEST_F(CommandLineTest, HandsARunItsArguments) {
  variables_["HEKTO_KEY"] = "hk-variable";

  EXPECT_EQ(run({"run", "a/b", "prompt=a fox", "--save", "out", "n=[1,2]", "--timeout", "5m"}), 5);

  EXPECT_EQ(ran_->model, "a/b");
  EXPECT_THAT(ran_->inputs, ElementsAre("prompt=a fox", "n=[1,2]"));
  EXPECT_EQ(ran_->url, "http://127.0.0.1:8080");
  EXPECT_EQ(ran_->key.reveal(), "hk-variable");
  EXPECT_EQ(ran_->save_folder, "out");
  EXPECT_EQ(ran_->timeout, std::chrono::minutes(5));
}

TEST_F(CommandLineTest, PrefersFlagsOfARunOverVariables) {
  variables_["HEKTO_KEY"] = "hk-variable";
  variables_["HEKTO_URL"] = "https://variable";

  EXPECT_EQ(run({"run", "a/b", "--key", "hk-flag"}), 5);

  EXPECT_EQ(ran_->key.reveal(), "hk-flag");
  EXPECT_EQ(ran_->url, "https://variable");
  EXPECT_EQ(run({"run", "a/b", "--json", "--stream"}), kUsage);
  EXPECT_EQ(run({"run"}), kUsage);
}

}  // namespace
}  // namespace hekto::cli
