// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "domain/link.h"
#include "service/input_fetcher.h"
#include "tests/integration/service_fixture.h"
#include "tests/support/fake_http_client.h"
#include "tests/support/memory_scratch.h"
#include "tests/support/results.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::Value;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n and more";

Result<ports::HttpReply> answer(int status, std::string body = "",
                                std::vector<std::pair<std::string, std::string>> headers = {}) {
  return ports::HttpReply{.status = status, .body = std::move(body), .headers = std::move(headers)};
}
Result<ports::HttpReply> redirect(std::string to, int status = 302) {
  return ports::HttpReply{.status = status, .body = "", .redirect = std::move(to)};
}
Result<ports::HttpReply> failing(ErrorCode code, std::string why) { return fail(code, std::move(why)); }

class InputFetch : public ServiceFixture {
 protected:
  InputFetch() {
    domain::Model model = make_model("acme", "seer", domain::OutputKind::text, {}, object({{"type", "string"}}));
    const Value uri = file_schema();
    const Value input =
        object({{"type", "object"}, {"properties", object({{"image", uri}, {"images", list_schema(uri)}})}});
    model.versions.front().id = std::string(64, 'e');
    model.versions.front().input = domain::Schema::compile(input, Value()).value();
    catalog.add(std::move(model));
  }
  /// What was fetched goes before the room that it lies in.
  ~InputFetch() override {
    if (dispatcher) dispatcher->stop_blocking(Duration{});
    runner.reset();
    EXPECT_EQ(scratch.alive(), 0);
  }

  void begin(service::InputLimits limits_of_inputs = {}, Duration time_limit = 30min,
             service::FetchOptions fetch = {}) {
    fetch.first_pause = 1ms;
    fetcher = std::make_unique<service::InputFetcher>(http, scratch, clock, fetch);
    service::DispatchOptions options;
    options.time_limit = time_limit;
    options.inputs = std::move(limits_of_inputs);
    options.links = &signer;
    options.link_lifetime = 1h;
    options.fetcher = fetcher.get();
    start({{FakeRunner::Json{"\"seen\""}}, false}, options);
  }
  service::SnapshotPtr ask(Value::Object input) {
    service::CreatePrediction create;
    create.offer = domain::Catalog::offer(catalog.find("acme", "seer"), nullptr);
    create.input = Value(std::move(input));
    return make(alice, std::move(create)).value();
  }
  domain::Prediction predict(Value::Object input) { return ended(ask(std::move(input))); }
  /// Runs with one image and expects the end to say this of it.
  void expect_failure(const std::string& url, const std::string& why) {
    const auto end = predict({{"image", url}});
    EXPECT_EQ(end.status, domain::Status::failed) << url;
    EXPECT_EQ(end.error, "Input file input.image cannot be used: " + why) << url;
    EXPECT_FALSE(end.started_at) << "the model must not run";
  }
  void await_sent(std::size_t count) {
    async::StopToken tick;
    while (http.sent().size() < count) run(tick.sleep_for(1ms));
  }
  std::string content(const ports::InputFile& file) { return run(file.content->read(0, 1000)).value(); }

  FakeHttpClient http;
  MemoryScratch scratch;
  domain::LinkSigner signer{Secret("a key of links")};
  std::unique_ptr<service::InputFetcher> fetcher;
};

TEST_F(InputFetch, GivesTheRunnerWhatIsBehindAUrl) {
  begin();
  http.answer("https://a.example/fox%20one.png", {answer(200, std::string(kPng), {{"Content-Type", "image/png"}})});
  http.answer(
      "https://b.example/",
      {answer(200, "plain text",
              {{"Content-Type", "application/octet-stream"}, {"Content-Disposition", "inline; filename=t.csv"}})});
  const auto end =
      predict({{"image", "https://a.example/fox%20one.png?sig=1#there"},
               {"images", Value::Array{Value("data:,x"), Value("HTTPS://B.example"), Value("ftp://c.example/")}}});
  ASSERT_EQ(end.status, domain::Status::succeeded) << end.error.value_or("");
  const auto files = runner->requests().at(0).files;
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0].pointer, "/image");
  EXPECT_EQ(files[0].name, "fox one.png");
  EXPECT_EQ(files[0].content_type, "image/png");
  EXPECT_EQ(content(files[0]), kPng);
  EXPECT_EQ(files[2].pointer, "/images/1");
  EXPECT_EQ(files[2].name, "t.csv");
  EXPECT_EQ(files[2].content_type, "text/csv");
  const auto sent = http.sent();
  ASSERT_EQ(sent.size(), 2u) << "other schemes are not fetched";
  EXPECT_EQ(sent[0].url, "https://a.example/fox%20one.png?sig=1");
  EXPECT_EQ(sent[1].url, "https://b.example/");
  for (const auto& request : sent) {
    EXPECT_EQ(request.method, "GET");
    EXPECT_TRUE(request.headers.empty()) << "nothing says who asks";
    EXPECT_GT(request.min_rate, 0u);
    EXPECT_LE(request.connect_limit, 10s);
    EXPECT_LE(request.limit, 5min);
    EXPECT_EQ(request.max_reply, &request == &sent[0] ? 100u << 20 : (100u << 20) - kPng.size() - 1);
  }
}

TEST_F(InputFetch, NamesAFileAfterItsPlaceWhenNothingElseDoes) {
  begin();
  http.answer("https://a.example/", {answer(200, std::string(kPng), {{"Content-Type", "no type"}})});
  predict({{"images", Value::Array{Value("https://a.example/")}}});
  const auto file = runner->requests().at(0).files.at(0);
  EXPECT_EQ(file.name, "images-0.png");
  EXPECT_EQ(file.content_type, "image/png");
}

TEST_F(InputFetch, KeepsThePredictionStartingUntilAllIsThere) {
  begin();
  async::StopToken released;
  http.hold("https://a.example/", released);
  const auto asked = ask({{"image", "https://a.example/x.png"}});
  await_sent(1);
  EXPECT_EQ(run(store.find_prediction(asked->value.id))->status, domain::Status::starting);
  EXPECT_TRUE(runner->requests().empty());
  released.request_stop();
  EXPECT_EQ(ended(asked).status, domain::Status::succeeded);
}

TEST_F(InputFetch, FailsThePredictionWithTheReasonAndNothingOfTheUrl) {
  begin();
  http.answer("https://a.example/404", {answer(404)});
  http.answer("https://a.example/204", {answer(204)});
  http.answer("https://a.example/206", {answer(206, "part")});
  http.answer("https://a.example/inner", {failing(ErrorCode::forbidden, "the address is not allowed")});
  http.answer("https://a.example/big", {failing(ErrorCode::too_large, "it has more than 5 bytes")});
  const std::string could_not = "it could not be fetched: ";
  expect_failure("https://a.example/404?secret", could_not + "the server answered 404");
  expect_failure("https://a.example/204", could_not + "the server answered 204");
  expect_failure("https://a.example/206", could_not + "the server answered 206");
  expect_failure("https://a.example/inner", could_not + "the address is not allowed");
  expect_failure("https://a.example/big", could_not + "it has more than 5 bytes");
  EXPECT_EQ(http.sent().size(), 5u) << "none of this passes by being asked again";
  for (const char* odd : {"http://user:word@a.example/", "http://a.example\\@b.example/", "http://", "https:///x",
                          "http://a.example:99999/", "http://a..example/", "http://a.example/\x7f"}) {
    expect_failure(odd, could_not + "it is no http or https URL that can be fetched");
  }
  EXPECT_EQ(http.sent().size(), 5u);
}

TEST_F(InputFetch, AsksAgainWhenTheFailureMayPass) {
  begin();
  http.answer("https://a.example/",
              {answer(503), failing(ErrorCode::upstream, "the connection broke off"), answer(200, "text")});
  EXPECT_EQ(predict({{"image", "https://a.example/x"}}).status, domain::Status::succeeded);
  EXPECT_EQ(http.sent("https://a.example/").size(), 3u);
  EXPECT_EQ(content(runner->requests().at(0).files.at(0)), "text");
  for (const int status : {408, 429, 500, 502, 504}) {
    const std::string url = "https://b.example/" + std::to_string(status);
    http.answer(url, {answer(status)});
    expect_failure(url, "it could not be fetched: the server answered " + std::to_string(status));
    EXPECT_EQ(http.sent(url).size(), 3u);
  }
  http.answer("https://c.example/", {failing(ErrorCode::unavailable, "no connection could be made")});
  expect_failure("https://c.example/", "it could not be fetched: no connection could be made");
  EXPECT_EQ(http.sent("https://c.example/").size(), 3u);
}

TEST_F(InputFetch, FollowsAFewRedirectsEachDecidedAnew) {
  begin();
  const std::string base = "http://a.example/";
  for (int i = 0; i < 6; ++i)
    http.answer(base + std::to_string(i), {redirect(base + std::to_string(i + 1), 301 + i % 3)});
  http.answer(base + "6", {answer(200, "reached")});
  expect_failure(base + "0", "it could not be fetched: it redirects more than 5 times");
  EXPECT_EQ(http.sent().size(), 6u);
  ASSERT_EQ(predict({{"image", base + "1"}}).status, domain::Status::succeeded);
  EXPECT_EQ(content(runner->requests().at(0).files.at(0)), "reached");
  EXPECT_EQ(runner->requests().at(0).files.at(0).name, "1") << "by the URL that the client gave";

  http.answer("http://b.example/", {redirect("https://b.example/safe")});
  http.answer("https://b.example/safe", {answer(200, "safe")});
  EXPECT_EQ(predict({{"image", "http://b.example/"}}).status, domain::Status::succeeded);
  http.answer("https://c.example/", {redirect("http://c.example/")});
  expect_failure("https://c.example/", "it could not be fetched: it redirects from https to http");
  EXPECT_TRUE(http.sent("http://c.example/").empty());
}

TEST_F(InputFetch, FollowsNoRedirectToAnythingButTheWeb) {
  begin();
  const char* targets[] = {"",
                           "file:///etc/passwd",
                           "FILE:///etc/passwd",
                           "file://localhost/etc/passwd",
                           "gopher://127.0.0.1:6379/_INFO",
                           "dict://127.0.0.1:11211/stats",
                           "ftp://127.0.0.1/x",
                           "ftps://127.0.0.1/x",
                           "sftp://127.0.0.1/x",
                           "scp://127.0.0.1/x",
                           "tftp://127.0.0.1/x",
                           "ldap://127.0.0.1/",
                           "ldaps://127.0.0.1/",
                           "smb://127.0.0.1/x",
                           "smtp://127.0.0.1/",
                           "imap://127.0.0.1/",
                           "pop3://127.0.0.1/",
                           "rtsp://127.0.0.1/",
                           "rtmp://127.0.0.1/",
                           "telnet://127.0.0.1/",
                           "mqtt://127.0.0.1/",
                           "ws://127.0.0.1/",
                           "wss://127.0.0.1/",
                           "data:text/plain,x",
                           "javascript:alert(1)",
                           "about:blank",
                           "blob:http://a.example/x",
                           "jar:http://a.example/!/",
                           "view-source:http://a.example/",
                           "netdoc:///etc/passwd",
                           "unix:///run/x.sock",
                           "http+unix://%2frun%2fx/",
                           "mailto:a@a.example",
                           "urn:x:y",
                           "http:",
                           "http://",
                           "http:///etc/passwd",
                           "http://user:word@127.0.0.1/",
                           "http://127.0.0.1\\@a.example/",
                           "http://127.0.0.1 /",
                           "http://127.0.0.1\r\nX: y/",
                           "http://[::1/",
                           "/relative",
                           "//a.example/x"};
  EXPECT_GE(std::size(targets), 40u);
  int index = 0;
  for (const char* target : targets) {
    const std::string url = "http://r" + std::to_string(index++) + ".example/";
    http.answer(url, {redirect(target)});
    expect_failure(url, "it could not be fetched: it redirects to what is no http or https URL");
  }
  EXPECT_EQ(http.sent().size(), std::size(targets));
}

TEST_F(InputFetch, StopsWhenThePredictionIsCanceled) {
  begin();
  http.hold("https://a.example/", {});
  const auto asked = ask({{"image", "https://a.example/x.png"}});
  await_sent(1);
  ASSERT_TRUE(run(predictions->cancel("alice", asked->value.id)));
  EXPECT_EQ(ended(asked).status, domain::Status::canceled);
  async::StopToken tick;
  while (dispatcher->running() > 0) run(tick.sleep_for(1ms));
  EXPECT_TRUE(runner->requests().empty());
  EXPECT_EQ(scratch.alive(), 0);
}

TEST_F(InputFetch, StopsAtTheTimeLimitOfTheRun) {
  begin({}, 20ms);
  http.hold("https://a.example/", {});
  const auto end = predict({{"image", "https://a.example/x.png"}});
  EXPECT_EQ(end.status, domain::Status::failed);
  EXPECT_THAT(end.error.value_or(""), HasSubstr("timed out"));
  EXPECT_TRUE(runner->requests().empty());
}

TEST_F(InputFetch, GoesOnAfterAStopOfTheServer) {
  begin();
  http.hold("https://a.example/", {});
  const auto asked = ask({{"image", "https://a.example/x.png"}});
  await_sent(1);
  dispatcher->stop_blocking(Duration{});
  EXPECT_EQ(run(store.find_prediction(asked->value.id))->status, domain::Status::starting) << "for the next start";
}

TEST_F(InputFetch, TriesAgainWhenTheDiskIsFull) {
  begin();
  scratch.full = true;
  http.answer("https://a.example/", {answer(200, "text")});
  const auto asked = ask({{"image", "https://a.example/"}});
  async::StopToken tick;
  while (store.plan().calls("claim") < 1) run(tick.sleep_for(1ms));
  scratch.full = false;
  EXPECT_EQ(ended(asked).status, domain::Status::succeeded);
}

TEST_F(InputFetch, CountsFilesAndTheirBytesTogether) {
  begin({.max_bytes = 10, .max_count = 2});
  http.answer("https://a.example/", {answer(200, "sixsix")});
  const Value::Array three{Value("https://a.example/1"), Value("data:,"), Value("data:,")};
  const auto many = predict({{"images", three}});
  EXPECT_EQ(many.error, "Input file input.images.2 cannot be used: one prediction may have 2 input files");
  const Value::Array two{Value("https://a.example/1"), Value("https://a.example/2")};
  const auto large = predict({{"images", two}});
  EXPECT_EQ(large.status, domain::Status::failed);
  EXPECT_THAT(large.error.value_or(""),
              HasSubstr("Input file input.images.1 cannot be used: it could not be fetched: it has too many"));
  EXPECT_EQ(http.sent().back().max_reply, 4u) << "what the others left";
  EXPECT_EQ(predict({{"image", "https://a.example/1"}}).status, domain::Status::succeeded);
}

TEST_F(InputFetch, TakesOnlyTheTypesOfTheConfiguration) {
  begin({.types = {"image/*"}});
  http.answer("https://a.example/", {answer(200, "text", {{"content-type", "text/html; charset=utf-8"}})});
  expect_failure("https://a.example/", "this server takes no files of type text/html; charset=utf-8");
}

TEST_F(InputFetch, AsksOneHostForAFewFilesAtOnceAndOthersMeanwhile) {
  service::FetchOptions options;
  options.per_host = 2;
  options.at_once = 3;
  begin({}, 30min, options);
  async::StopToken released;
  http.hold("https://slow.example/", released);
  std::vector<service::SnapshotPtr> asked;
  for (int i = 0; i < 6; ++i) asked.push_back(ask({{"image", "https://slow.example/x"}}));
  await_sent(2);
  EXPECT_EQ(predict({{"image", "https://quick.example/x"}}).status, domain::Status::succeeded);
  EXPECT_EQ(http.sent("https://slow.example/").size(), 2u);
  released.request_stop();
  for (const auto& each : asked) EXPECT_EQ(ended(each).status, domain::Status::succeeded);
  EXPECT_EQ(http.sent("https://slow.example/").size(), 6u);
  EXPECT_EQ(http.peak("https://slow.example/x"), 2u);
}

TEST_F(InputFetch, LeavesUrlsToARunnerThatTakesThem) {
  begin();
  runner->wants_urls = true;
  EXPECT_EQ(predict({{"image", "https://a.example/x"}, {"images", Value::Array{Value("data:,x")}}}).status,
            domain::Status::succeeded);
  EXPECT_TRUE(http.sent().empty());
  const auto files = runner->requests().at(0).files;
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].pointer, "/images/0");
}

class InputLinks : public InputFetch {
 protected:
  /// The link of a finished prediction's output.
  std::string link(const std::string& account = "bob") {
    domain::Prediction done;
    done.id = new_id(clock.now());
    done.account = account;
    done.model = "acme/seer";
    done.version = std::string(64, 'e');
    done.created_at = clock.now();
    EXPECT_TRUE(run(store.create_prediction(done)));
    const auto key = run(files.put(done.id, std::string(kPng))).value();
    const auto claimed = run(store.claim(done.id, clock.now())).value();
    const domain::OutputFile file{"out-0.png", "image/png", kPng.size(), key.sha256};
    const auto ended = run(store.record(
        {done.id, claimed.epoch},
        {domain::Started{}, domain::Produced{0, false, domain::file_placeholder(0), {file}}, domain::Succeeded{""}},
        clock.now()));
    EXPECT_TRUE(ended) << ended.error().message;
    return "http://any.example/delivery/" + signer.token({domain::LinkKind::delivery, done.id, 0}) + "/out-0.png";
  }
};

TEST_F(InputLinks, AreReadWithoutTheNetworkWhileTheyLive) {
  begin();
  const auto url = link();
  ASSERT_EQ(predict({{"image", url + "?x#y"}}).status, domain::Status::succeeded);
  const auto file = runner->requests().at(0).files.at(0);
  EXPECT_EQ(file.name, "out-0.png");
  EXPECT_EQ(file.content_type, "image/png");
  EXPECT_EQ(content(file), kPng);
  clock.advance(1h);
  expect_failure(url, "the link is not valid or has expired");
  expect_failure(url.substr(0, url.size() - 4) + ".gif", "the link is not valid or has expired");
  EXPECT_TRUE(http.sent().empty());
}

TEST_F(InputLinks, OfOtherServersAreFetchedFromThem) {
  begin();
  const domain::LinkSigner other(Secret("another server's key"));
  const auto token = other.token({domain::LinkKind::delivery, new_id(clock.now()), 0});
  const std::string url = "https://other.example/delivery/" + token + "/out-0.png";
  http.answer(url, {answer(200, "theirs")});
  EXPECT_EQ(predict({{"image", url}}).status, domain::Status::succeeded);
  EXPECT_EQ(http.sent(url).size(), 1u);
}

}  // namespace
}  // namespace hekto::test
