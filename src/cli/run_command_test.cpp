// SPDX-License-Identifier: Apache-2.0
#include "cli/run_command.h"

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/key.h"

namespace hekto::cli {
namespace {

/// A whole key, the same throughout the program.
const std::string& a_key() {
  static const std::string kKey = domain::new_key_text(false).text.reveal();
  return kKey;
}

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

constexpr const char* kModel = R"({"latest_version":{"openapi_schema":{"components":{"schemas":{
  "Input":{"properties":{"prompt":{"type":"string"}}},
  "Output":{"type":"array","items":{"type":"string"},"x-cog-array-display":"concatenate"}}}}}})";
constexpr const char* kFileModel = R"({"latest_version":{"openapi_schema":{"components":{"schemas":{
  "Input":{"properties":{"prompt":{"type":"string"}}},
  "Output":{"type":"array","items":{"type":"string","format":"uri"}}}}}}})";

std::string prediction(const std::string& status, const std::string& output = "null", const std::string& more = "") {
  return R"({"id":"p1","status":")" + status + R"(","output":)" + output +
         R"(,"logs":"","urls":{"stream":"http://s/v1/streams/t"})" + more + "}";
}

/// Answers from a script, in order, and keeps what was asked.
class FakeTransport : public Transport {
 public:
  struct Answer {
    int status = 200;
    std::string body;
    std::optional<Error> error = {};
    std::function<void()> before = {};
  };
  Result<HttpReply> send(const HttpRequest& request) override {
    std::string line = request.method + " " + request.url;
    bool has_key = false;
    for (const auto& [name, value] : request.headers) {
      if (name == "Authorization") has_key = value == "Bearer " + a_key();
      if (name == "Last-Event-ID") line += " after " + value;
    }
    asked.push_back(line + (has_key ? "" : " (no key)") + (request.body.empty() ? "" : " " + request.body));
    if (answers.empty()) return fail(ErrorCode::internal, "the script is over");
    const auto answer = answers.front();
    answers.pop_front();
    if (answer.before) answer.before();
    if (request.should_stop && request.should_stop()) return fail(ErrorCode::canceled, "stopped");
    HttpReply reply{.status = answer.status, .body = answer.body, .retry_after = {}};
    if (request.sink && answer.status == 200) request.sink(std::exchange(reply.body, {}));
    if (answer.error) return std::unexpected(*answer.error);
    return reply;
  }
  std::deque<Answer> answers;
  std::vector<std::string> asked;
};

class RunTest : public testing::Test {
 protected:
  RunTest() {
    options_.model = "o/n";
    options_.url = "http://h/v1";
    options_.key = Secret(a_key());
  }
  ~RunTest() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  int run() {
    const RunWorld world{.transport = transport_,
                         .interrupted = [this] { return interrupted_; },
                         .sleep = [this](std::chrono::milliseconds span) { now_ += span; },
                         .now = [this] { return std::chrono::steady_clock::time_point(now_); }};
    Terminal terminal{.out = out_, .err = err_};
    return run_model(options_, world, terminal);
  }
  void script(std::deque<FakeTransport::Answer> answers) { transport_.answers = std::move(answers); }
  std::filesystem::path folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hekto-run-XXXXXX").string();
    return folder_ = ::mkdtemp(pattern.data());
  }

  RunOptions options_;
  FakeTransport transport_;
  bool interrupted_ = false;
  std::chrono::milliseconds now_{0};
  std::ostringstream out_;
  std::ostringstream err_;
  std::filesystem::path folder_;
};

TEST_F(RunTest, CreatesPollsAndPrintsTheJoinedText) {
  options_.inputs = {"prompt=42"};
  script({{200, kModel},
          {201, prediction("starting")},
          {200, prediction("processing", R"(["a"])")},
          {200, prediction("succeeded", R"(["a"," b"])")}});

  EXPECT_EQ(run(), kDone);

  EXPECT_EQ(out_.str(), "a b\n");
  EXPECT_EQ(err_.str(), "starting\nprocessing\nsucceeded\n");
  EXPECT_THAT(transport_.asked, ElementsAre("GET http://h/v1/models/o/n",
                                            R"(POST http://h/v1/models/o/n/predictions {"input":{"prompt":"42"}})",
                                            "GET http://h/v1/predictions/p1", "GET http://h/v1/predictions/p1"));
}

TEST_F(RunTest, NamesTheVersionWhereOneWasGiven) {
  options_.model = "o/n:abc";
  script({{200, R"({"openapi_schema":{}})"}, {201, prediction("succeeded", "7")}});

  EXPECT_EQ(run(), kDone);

  EXPECT_EQ(out_.str(), "7\n");
  EXPECT_THAT(transport_.asked, ElementsAre("GET http://h/v1/models/o/n/versions/abc",
                                            R"(POST http://h/v1/predictions {"version":"o/n:abc","input":{}})"));
}

TEST_F(RunTest, WaitsShortlyAtFirstAndLongerLater) {
  script({{200, kModel}, {201, prediction("starting")}});
  for (int i = 0; i < 30; ++i) transport_.answers.push_back({200, prediction("processing")});
  transport_.answers.push_back({200, prediction("succeeded")});

  EXPECT_EQ(run(), kDone);

  EXPECT_EQ(now_, 20 * 100ms + 11 * 500ms);
}

TEST_F(RunTest, FailsWithTheReasonOfThePrediction) {
  script({{200, kModel}, {201, prediction("failed", "null", R"(,"error":"out of \u001b[31mmemory")")}});

  EXPECT_EQ(run(), kFailed);

  EXPECT_THAT(err_.str(), EndsWith("error: the prediction failed: out of [31mmemory\n"));
  EXPECT_EQ(out_.str(), "");
}

TEST_F(RunTest, ShowsOneLineForEveryProblemOfTheInput) {
  script({{200, kModel},
          {422, R"({"detail":"- input: x\n","status":422,"title":"Input validation failed","invalid_fields":[
                    {"type":"required","field":"input","description":"prompt is required"},
                    {"type":"number_lte","field":"input.n","description":"Must be less than or equal to 4"}]})"}});

  EXPECT_EQ(run(), kFailed);

  EXPECT_EQ(err_.str(),
            "error: Input validation failed (HTTP 422)\n"
            "  input: prompt is required\n"
            "  input.n: Must be less than or equal to 4\n");
}

TEST_F(RunTest, ExplainsAMissingOrRefusedKey) {
  script(
      {{401, R"({"title":"Unauthenticated","detail":"You did not pass a valid authentication token","status":401})"}});
  EXPECT_EQ(run(), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("Check the key in --key or HEKTO_KEY"));

  options_.key = Secret();
  EXPECT_EQ(run(), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("hekto keys create --name me"));
  options_.key = Secret("hk-\r\nX: y");
  EXPECT_EQ(run(), kUsage);
  options_.key = Secret("hk-" + a_key().substr(4));
  EXPECT_EQ(run(), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("cut or mistyped"));
}

TEST_F(RunTest, SaysHowToStartAServerThatIsNotThere) {
  options_.url = "http://127.0.0.1:1";
  script({{0, "", Error{ErrorCode::unavailable, "cannot reach http://127.0.0.1:1"}}});

  EXPECT_EQ(run(), kFailed);

  EXPECT_THAT(err_.str(), HasSubstr("hekto serve"));
}

TEST_F(RunTest, CancelsWhenInterrupted) {
  script({{200, kModel},
          {201, prediction("starting")},
          {.body = prediction("processing"), .before = [this] { interrupted_ = true; }},
          {200, prediction("canceled")}});

  EXPECT_EQ(run(), kInterrupted);

  EXPECT_EQ(transport_.asked.back(), "POST http://h/v1/predictions/p1/cancel");
  EXPECT_THAT(err_.str(), HasSubstr("interrupted; the prediction was canceled"));
}

TEST_F(RunTest, CancelsWhenTimeIsUp) {
  options_.timeout = std::chrono::seconds(1);
  script({{200, kModel}, {201, prediction("starting")}});
  for (int i = 0; i < 10; ++i) transport_.answers.push_back({200, prediction("processing")});

  EXPECT_EQ(run(), kFailed);

  EXPECT_EQ(transport_.asked.back(), "POST http://h/v1/predictions/p1/cancel");
  EXPECT_THAT(err_.str(), HasSubstr("not finished in time; the prediction was canceled"));
}

TEST_F(RunTest, KeepsWaitingWhileTheServerRestarts) {
  script({{200, kModel}, {201, prediction("starting")}});
  for (int i = 0; i < 20; ++i) transport_.answers.push_back({0, "", Error{ErrorCode::unavailable, "refused"}});
  transport_.answers.push_back({503, "{}"});
  transport_.answers.push_back({200, prediction("succeeded", "1")});

  EXPECT_EQ(run(), kDone);
}

TEST_F(RunTest, GivesUpOnAServerThatStaysAway) {
  script({{200, kModel}, {201, prediction("starting")}});
  for (int i = 0; i < 500; ++i) transport_.answers.push_back({0, "", Error{ErrorCode::unavailable, "refused"}});

  EXPECT_EQ(run(), kFailed);

  EXPECT_GT(now_, 30s);
  EXPECT_LT(now_, 40s);
}

TEST_F(RunTest, CreatesAgainOnlyAfterARateLimit) {
  script({{200, kModel},
          {429, R"({"detail":"Request was throttled.","status":429})"},
          {201, prediction("succeeded", "1")}});
  EXPECT_EQ(run(), kDone);
  EXPECT_EQ(transport_.asked.size(), 3U);

  transport_.asked.clear();
  script({{200, kModel}, {503, R"({"detail":"full","status":503})"}, {201, prediction("succeeded", "1")}});
  EXPECT_EQ(run(), kFailed);
  EXPECT_EQ(transport_.asked.size(), 2U);
}

TEST_F(RunTest, PrintsAStreamAsItComes) {
  options_.stream = true;
  script({{200, kModel},
          {201, prediction("starting")},
          {200,
           "event: output\nid: 1:0\ndata: a\n\nevent: output\nid: 1:1\ndata:  b\n\nevent: done\nid: 2:0\ndata: {}\n\n"},
          {200, prediction("succeeded", R"(["a"," b"])")}});

  EXPECT_EQ(run(), kDone);

  EXPECT_EQ(out_.str(), "a b\n");
  EXPECT_THAT(transport_.asked, Contains("GET http://s/v1/streams/t (no key)"));
}

TEST_F(RunTest, TakesABrokenStreamUpAfterTheLastEvent) {
  options_.stream = true;
  script({{200, kModel},
          {201, prediction("starting")},
          {200, "event: output\nid: 1:0\ndata: a\n\nevent: out", Error{ErrorCode::upstream, "broke off"}},
          {200, "event: output\nid: 1:1\ndata: b\n\nevent: done\nid: 2:0\ndata: {}\n\n"},
          {200, prediction("succeeded", R"(["a","b"])")}});

  EXPECT_EQ(run(), kDone);

  EXPECT_EQ(out_.str(), "ab\n");
  EXPECT_THAT(transport_.asked, Contains("GET http://s/v1/streams/t after 1:0 (no key)"));
}

TEST_F(RunTest, PrintsTheRestOfAStreamThatNeverCameBack) {
  options_.stream = true;
  script({{200, kModel},
          {201, prediction("starting")},
          {200, "event: output\nid: 1:0\ndata: a\n\n"},
          {404, R"({"detail":"gone","status":404})"},
          {200, prediction("succeeded", R"(["a","b"])")}});

  EXPECT_EQ(run(), kDone);

  EXPECT_EQ(out_.str(), "ab\n");
}

TEST_F(RunTest, PrintsThePredictionAsJson) {
  options_.json = true;
  script({{200, kModel}, {201, prediction("failed", "null", R"(,"error":"x")")}});

  EXPECT_EQ(run(), kFailed);

  EXPECT_EQ(out_.str(), prediction("failed", "null", R"(,"error":"x")") + "\n");
}

TEST_F(RunTest, SavesOutputFilesWithoutSendingTheKey) {
  options_.save_folder = folder() / "out";
  script({{200, kFileModel},
          {201, prediction("succeeded", R"(["http://f/d/out-0.webp","http://f/e/out-0.webp"])")},
          {200, "one"},
          {200, "two"}});

  EXPECT_EQ(run(), kDone);

  const auto path = [&](const char* name) { return (folder_ / "out" / name).string(); };
  EXPECT_EQ(out_.str(), path("out-0.webp") + "\n" + path("out-0-1.webp") + "\n");
  std::ifstream in(path("out-0-1.webp"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "two");
  EXPECT_THAT(transport_.asked, Contains("GET http://f/d/out-0.webp (no key)"));
}

TEST_F(RunTest, LeavesNoFileOfAFailedDownload) {
  options_.save_folder = folder();
  script({{200, kFileModel},
          {201, prediction("succeeded", R"(["http://f/out-0.webp"])")},
          {200, "half", Error{ErrorCode::upstream, "broke off"}}});

  EXPECT_EQ(run(), kFailed);

  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(RunTest, PrintsLinksWhereNothingIsSaved) {
  script({{200, kFileModel}, {201, prediction("succeeded", R"(["http://f/1","http://f/2"])")}});

  EXPECT_EQ(run(), kDone);

  EXPECT_EQ(out_.str(), "http://f/1\nhttp://f/2\n");
}

TEST_F(RunTest, RefusesAnIdThatWouldChangeThePath) {
  script({{200, kModel}, {201, R"({"id":"../keys","status":"starting"})"}});

  EXPECT_EQ(run(), kFailed);
  EXPECT_EQ(transport_.asked.size(), 2U);
}

}  // namespace
}  // namespace hekto::cli
