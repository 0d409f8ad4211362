// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/remote_catalog.h"

#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "async/run_blocking.h"
#include "json/value_json.h"
#include "runners/replicate/routes.h"
#include "tests/support/fake_http_client.h"
#include "tests/support/manual_clock.h"
#include "tests/support/results.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using domain::Value;
using test::code_of;

const std::string kBase = "http://upstream.example:8080";

UpstreamOptions options() {
  UpstreamOptions upstream;
  upstream.name = "replicate";
  upstream.url = kBase;
  upstream.accounts = {{"main", Secret("token-1")}};
  return upstream;
}

Result<ports::HttpReply> reply(int status, std::string body, std::string etag = "",
                               std::string type = "application/json") {
  ports::HttpReply made{status, std::move(body)};
  made.headers = {{"content-type", std::move(type)}};
  if (!etag.empty()) made.headers.emplace_back("etag", std::move(etag));
  return made;
}

Result<ports::HttpReply> down() { return fail(ErrorCode::unavailable, "no connection"); }

std::string model(std::string_view owner, std::string_view name, std::string_view visibility = "public") {
  const std::string full = std::string(owner) + "/" + std::string(name);
  return json::dump(Value::Object{
      {"url", kBase + "/v1/models/" + full},
      {"owner", owner},
      {"name", name},
      {"visibility", visibility},
      {"default_example",
       Value::Object{{"model", full},
                     {"version", full + ":v1"},
                     {"urls", Value::Object{{"get", kBase + "/v1/predictions/p1"}, {"web", kBase + "/p/p1"}}}}},
      {"latest_version",
       Value::Object{
           {"id", std::string(64, 'a')},
           {"openapi_schema",
            *json::parse(R"({"components":{"schemas":{"Input":{"type":"object","required":["prompt"]}}}})")}}}});
}

class RemoteCatalogTest : public testing::Test {
 protected:
  ~RemoteCatalogTest() override {
    for (auto& token : held_) token.request_stop();
    catalog_.reset();
  }

  void start(UpstreamOptions upstream = options(), std::size_t max_bytes = ReplicateCatalog::kMaxBytes) {
    io_.start();
    pool_ = std::make_unique<AccountPool>(std::vector{std::move(upstream)}, clock_);
    client_ = std::make_unique<UpstreamClient>(http_, *pool_);
    catalog_ = std::make_unique<ReplicateCatalog>(io_, *pool_, *client_, clock_, max_bytes);
  }
  ReplicateCatalog& catalog() { return *catalog_; }
  template <class T>
  T run(async::Task<T> task) {
    return async::run_blocking(io_.next(), std::move(task));
  }
  Result<ports::RemoteDocument> get(std::string path, std::string method = "GET", std::string body = "") {
    return run(catalog().get(std::move(method), std::move(path), std::move(body)));
  }
  /// The body, with B for the base of the API and O for its origin.
  std::string text(std::string path, std::string method = "GET") {
    const auto document = get(std::move(path), std::move(method));
    if (!document) return "error: " + document.error().message;
    std::string out;
    for (const char c : *document->body) out += c == ports::kRemoteBase ? 'B' : c == ports::kRemoteOrigin ? 'O' : c;
    return out;
  }
  std::size_t asked(const std::string& path = "") { return http_.sent(kBase + "/v1" + path).size(); }
  async::StopToken hold(const std::string& path) {
    held_.emplace_back();
    http_.hold(kBase + "/v1" + path, held_.back());
    return held_.back();
  }
  template <class Condition>
  static void wait_for(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "waited in vain";
      std::this_thread::sleep_for(1ms);
    }
  }

  test::ManualClock clock_;
  test::FakeHttpClient http_;
  std::vector<async::StopToken> held_;
  async::IoThreads io_{2};
  std::unique_ptr<AccountPool> pool_;
  std::unique_ptr<UpstreamClient> client_;
  std::unique_ptr<ReplicateCatalog> catalog_;
};

TEST_F(RemoteCatalogTest, LeavesNoAddressOrTokenOfTheUpstreamInADocument) {
  start();
  http_.answer(kBase + "/v1/models/acme/real/readme",
               {reply(200, "see " + kBase + "/v1/models, " + kBase + "/p/x and token-1; not " + kBase + "1/v1", "",
                      "text/plain; charset=utf-8")});
  EXPECT_EQ(text("/models/acme/real/readme"), "see B/models, O/p/x and ***; not https://upstream.invalid1/v1");
  EXPECT_EQ(get("/models/acme/real/readme")->content_type, "text/plain; charset=utf-8");
  http_.answer(kBase + "/v1/models/acme/real", {reply(200, model("acme", "real"))});
  const auto shown = text("/models/acme/real");
  EXPECT_EQ(shown.find("upstream"), std::string::npos) << shown;
  EXPECT_NE(shown.find(R"("url":"B/models/acme/real")"), std::string::npos) << shown;
  EXPECT_NE(shown.find(R"("urls":{"get":"B/predictions/p1","web":"O/p/p1"})"), std::string::npos) << shown;
}

TEST_F(RemoteCatalogTest, TakesNoControlCharacterOfAnUpstreamForAMark) {
  start();
  http_.answer(
      kBase, {reply(200, std::string("a") + ports::kRemoteBase + "b" + ports::kRemoteOrigin + "c", "", "text/plain")});
  EXPECT_EQ(text("/models/acme/real/readme"), "abc");
}

TEST_F(RemoteCatalogTest, AsksForNothingThatLeadsOutOfTheCatalog) {
  start();
  for (const std::string path :
       {"/models/../account", "/models/%2e%2e/account", "/models/./account", "/collections/..", "/collections/%2E.",
        "/models/a/b/versions/../../../../account", "/collections/a%2f..%2f..%2faccount", "/collections/a#b",
        "/collections/a b", "/collections/%zz"}) {
    EXPECT_EQ(code_of(get(path)), ErrorCode::not_found) << path;
  }
  EXPECT_EQ(code_of(run(catalog().find("..", "account", ""))), ErrorCode::not_found);
  (void)catalog().known("..", "account", "");
  EXPECT_EQ(asked(), 0u);
}

TEST_F(RemoteCatalogTest, AsksForOwnNamesByTheUpstreamsAndKeepsTheQuery) {
  auto upstream = options();
  upstream.names = {{"my/model", "acme/real"}};
  start(upstream);
  http_.answer(kBase, {reply(200, "{}")});
  (void)get("/models/my/model/versions?cursor=x%3D&a=b");
  (void)get("/models?sort_by=model_created_at");
  (void)get("/models/acme/other");
  EXPECT_EQ(http_.sent()[0].url, kBase + "/v1/models/acme/real/versions?cursor=x%3D&a=b");
  EXPECT_EQ(http_.sent()[1].url, kBase + "/v1/models?sort_by=model_created_at");
  EXPECT_EQ(http_.sent()[2].url, kBase + "/v1/models/acme/other");
}

TEST_F(RemoteCatalogTest, ShowsOwnNamesInEveryKindOfDocument) {
  auto upstream = options();
  upstream.names = {{"my/model", "acme/real"}};
  start(upstream);
  const auto real = model("acme", "real");
  http_.answer(kBase + "/v1/models/acme/real", {reply(200, real)});
  http_.answer(kBase + "/v1/models?", {reply(200, R"({"next":null,"results":[)" + real + "]}")});
  http_.answer(kBase + "/v1/search", {reply(200, R"({"models":[{"model":)" + real +
                                                     R"(,"metadata":{}}],"collections":[{"models":["acme/real"]}]})")});
  http_.answer(kBase + "/v1/collections/best", {reply(200, R"({"slug":"best","models":[)" + real + "]}")});
  for (const std::string path : {"/models/my/model", "/models?x", "/search?query=x", "/collections/best"}) {
    const auto shown = text(path);
    EXPECT_EQ(shown.find("acme"), std::string::npos) << path << ": " << shown;
    EXPECT_NE(shown.find(R"("url":"B/models/my/model","owner":"my","name":"model")"), std::string::npos) << shown;
    EXPECT_NE(shown.find(R"("model":"my/model","version":"my/model:v1")"), std::string::npos) << shown;
  }
  EXPECT_NE(text("/search?query=x").find(R"("models":["my/model"])"), std::string::npos);
}

TEST_F(RemoteCatalogTest, LeadsFromPageToPageUnderTheClientsName) {
  auto upstream = options();
  upstream.names = {{"my/model", "acme/real"}};
  start(upstream);
  http_.answer(kBase, {reply(200, R"({"next":")" + kBase + R"(/v1/models/acme/real/versions?cursor=c","previous":")" +
                                      kBase + R"(/v1/models/acme/really/versions?cursor=d","results":[]})")});
  EXPECT_EQ(text("/models/my/model/versions"),
            R"({"next":"B/models/my/model/versions?cursor=c","previous":"B/models/acme/really/versions?cursor=d",)"
            R"("results":[]})");
}

TEST_F(RemoteCatalogTest, ShowsAModelByTheNameThatItWasAskedForBy) {
  auto upstream = options();
  upstream.names = {{"a/one", "acme/real"}, {"b/two", "acme/real"}};
  start(upstream);
  http_.answer(kBase, {reply(200, model("acme", "real"))});
  EXPECT_NE(text("/models/b/two").find(R"("owner":"b","name":"two")"), std::string::npos);
}

TEST_F(RemoteCatalogTest, LeavesDeniedAndPrivateModelsOutOfListsAndSearches) {
  auto upstream = options();
  upstream.deny = {"denied/*", "my/denied"};
  upstream.names = {{"my/denied", "acme/mapped"}};
  start(upstream);
  const auto all = model("acme", "shown") + "," + model("denied", "one") + "," + model("acme", "mapped") + "," +
                   model("acme", "hidden", "private");
  std::string hits;
  for (const auto& one : {model("acme", "shown"), model("denied", "one")}) {
    hits += std::string(hits.empty() ? "" : ",") + R"({"model":)" + one + "}";
  }
  http_.answer(kBase + "/v1/models", {reply(200, R"({"results":[)" + all + "]}")});
  http_.answer(kBase + "/v1/collections/best", {reply(200, R"({"models":[)" + all + "]}")});
  http_.answer(kBase + "/v1/search",
               {reply(200, R"({"models":[)" + hits + R"(],"collections":[{"models":["denied/one","acme/shown"]}]})")});
  for (const std::string path : {"/models", "/collections/best", "/search?query=x"}) {
    const auto shown = text(path);
    EXPECT_EQ(shown.find("denied"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("mapped"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("hidden"), std::string::npos) << shown;
    EXPECT_NE(shown.find("shown"), std::string::npos) << shown;
  }
  const auto found = text("/models", "QUERY");
  EXPECT_EQ(found.find("denied"), std::string::npos) << found;
  EXPECT_EQ(code_of(get("/models/denied/one")), ErrorCode::not_found);
  EXPECT_EQ(asked("/models/denied"), 0u) << "a denied model was asked for";
}

TEST_F(RemoteCatalogTest, LeavesWhatModelsTakeAndGiveAlone) {
  auto upstream = options();
  upstream.names = {{"my/model", "acme/real"}};
  upstream.deny = {"denied/*"};
  start(upstream);
  const std::string example =
      R"({"model":"m/n","input":{"model":"acme/real","models":["denied/one"]},"output":{"results":["denied/one"]}})";
  http_.answer(kBase, {reply(200, R"({"results":[)" + example + "]}")});
  EXPECT_EQ(text("/models"), R"({"results":[)" + example + "]}");
}

TEST_F(RemoteCatalogTest, ListsTheModelsThatTheOperatorNamesOnOnePage) {
  auto upstream = options();
  upstream.models = {"my/model", "acme/other", "acme/secret", "acme/gone", "denied/one"};
  upstream.names = {{"my/model", "acme/real"}};
  upstream.deny = {"denied/*"};
  start(upstream);
  http_.answer(kBase + "/v1/models/acme/gone", {reply(404, "{}")});
  http_.answer(kBase + "/v1/models/acme/other", {reply(200, model("acme", "other"))});
  http_.answer(kBase + "/v1/models/acme/real", {reply(200, model("acme", "real"))});
  http_.answer(kBase + "/v1/models/acme/secret", {reply(200, model("acme", "secret", "private"))});
  const auto list = json::parse(text("/models?sort_by=model_created_at")).value();
  ASSERT_EQ(list.find("results")->as_array()->size(), 2u);
  EXPECT_EQ(list.find("results")->as_array()->front().text_of("owner"), "my");
  EXPECT_EQ(list.find("results")->as_array()->back().text_of("name"), "other");
  (void)get("/models");
  EXPECT_EQ(asked(), 4u) << "each is kept";
}

TEST_F(RemoteCatalogTest, HidesTheModelsThatStandForThoseOfClients) {
  start();
  const auto name = training_model_name("alice/dog");
  http_.answer(kBase, {reply(200, R"({"results":[)" + model("operator", name) + "]}")});
  EXPECT_EQ(text("/models"), R"({"results":[]})");
  EXPECT_EQ(code_of(get("/models/operator/" + name)), ErrorCode::not_found);
}

TEST_F(RemoteCatalogTest, KeepsAnAnswerForAMinuteAndThenAsksWithItsETag) {
  start();
  http_.answer(kBase, {reply(200, "\"one\"", "\"e1\""), reply(304, "", "\"e1\""), reply(200, "\"two\"", "\"e2\"")});
  EXPECT_EQ(text("/hardware"), "\"one\"");
  clock_.advance(59s);
  EXPECT_EQ(text("/hardware"), "\"one\"");
  EXPECT_EQ(asked(), 1u);
  clock_.advance(2s);
  EXPECT_EQ(text("/hardware"), "\"one\"") << "the old one is shown at once";
  wait_for([&] { return asked() == 2; });
  const auto again = http_.sent()[1].headers;
  EXPECT_NE(std::ranges::find(again, std::pair<std::string, std::string>("If-None-Match", "\"e1\"")), again.end());
  // The 304 has made it fresh for another minute.
  wait_for([&] { return text("/hardware") == "\"one\"" && asked() == 2; });
  clock_.advance(61s);
  EXPECT_EQ(text("/hardware"), "\"one\"");
  wait_for([&] { return text("/hardware") == "\"two\""; });
  EXPECT_EQ(asked(), 3u);
}

TEST_F(RemoteCatalogTest, ShowsOldAnswersForADayWhileTheUpstreamIsDown) {
  start();
  http_.answer(kBase, {reply(200, "\"one\""), down()});
  EXPECT_EQ(text("/hardware"), "\"one\"");
  for (const auto age : {2min, 23h + 56min}) {
    clock_.advance(age);
    EXPECT_EQ(text("/hardware"), "\"one\"");
  }
  clock_.advance(10min);
  EXPECT_EQ(code_of(get("/hardware")), ErrorCode::unavailable);
  EXPECT_EQ(code_of(get("/collections")), ErrorCode::unavailable) << "never seen";
}

TEST_F(RemoteCatalogTest, TakesNoFaultOfTheUpstreamForAnAnswer) {
  start();
  http_.answer(kBase, {reply(500, "{}"), reply(429, "{}"), reply(403, "{}"), reply(200, "\"one\"")});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(code_of(get("/hardware")), ErrorCode::unavailable);
    clock_.advance(5s);
  }
  EXPECT_EQ(text("/hardware"), "\"one\"");
}

TEST_F(RemoteCatalogTest, RemembersWhatIsNotThereForHalfAMinute) {
  start();
  http_.answer(kBase, {reply(404, R"({"detail":"no"})"), reply(200, model("acme", "new"))});
  EXPECT_EQ(get("/models/acme/new")->status, 404);
  clock_.advance(29s);
  EXPECT_EQ(get("/models/acme/new")->status, 404);
  EXPECT_EQ(asked(), 1u);
  clock_.advance(2s);
  EXPECT_EQ(get("/models/acme/new")->status, 200) << "it is not shown any longer, and waited for";
}

TEST_F(RemoteCatalogTest, SendsOneRequestHoweverManyAskAtOnce) {
  start();
  http_.answer(kBase, {reply(200, "\"one\"")});
  auto released = hold("/hardware");
  constexpr int kClients = 20;
  std::atomic<int> served = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      if (text("/hardware") == "\"one\"") ++served;
    });
  }
  wait_for([&] { return asked("/hardware") == 1; });
  (void)get("/collections");
  released.request_stop();
  for (auto& client : clients) client.join();
  EXPECT_EQ(served, kClients);
  EXPECT_EQ(asked("/hardware"), 1u);
}

TEST_F(RemoteCatalogTest, ForgetsWhatWasNotUsedForLongestBeyondItsBound) {
  constexpr std::size_t kBound = 64 << 10;
  start(options(), kBound);
  http_.answer(kBase, {reply(200, std::string(10 << 10, 'x'))});
  for (int i = 0; i < 20; ++i) {
    (void)get("/collections/c" + std::to_string(i));
    (void)get("/hardware");
    EXPECT_LE(catalog().size(), kBound);
  }
  EXPECT_EQ(asked("/hardware"), 1u) << "what is in use stays";
  (void)get("/collections/c0");
  EXPECT_EQ(asked("/collections/c0"), 2u);
  (void)get("/collections/c19");
  EXPECT_EQ(asked("/collections/c19"), 1u);
}

TEST_F(RemoteCatalogTest, CountsWhatIsAskedWithTheAnswer) {
  constexpr std::size_t kBound = 64 << 10;
  start(options(), kBound);
  http_.answer(kBase, {reply(200, "{}")});
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(get("/models", "QUERY", std::string(10 << 10, static_cast<char>('a' + i))));
    EXPECT_LE(catalog().size(), kBound);
  }
}

TEST_F(RemoteCatalogTest, AsksTheNextAccountWhenOneIsNotLetIn) {
  auto upstream = options();
  upstream.accounts.push_back({"second", Secret("token-2")});
  start(upstream);
  http_.answer(kBase, {reply(401, "{}"), reply(200, "\"one\"")});
  EXPECT_EQ(text("/hardware"), "\"one\"");
  const auto sent = http_.sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].headers.back().second, "Bearer token-1");
  EXPECT_EQ(sent[1].headers.back().second, "Bearer token-2");
}

TEST_F(RemoteCatalogTest, KnowsTheRulesOfAModelOnceItHasSeenIt) {
  start();
  http_.answer(kBase, {reply(200, model("acme", "real"))});
  const auto before = catalog().known("acme", "real", "");
  EXPECT_TRUE(before.relayed);
  EXPECT_TRUE(before.version->input.check(Value::Object{}, "input").empty()) << "what is not known takes anything";
  wait_for([&] { return !catalog().known("acme", "real", "").version->input.check(Value::Object{}, "input").empty(); });
  EXPECT_EQ(run(catalog().find("acme", "real", ""))->version->id, std::string(64, 'a'));
  EXPECT_EQ(asked(), 1u);
  EXPECT_EQ(catalog().known({}, {}, std::string(64, 'a')).model->full_name(), "acme/real");
}

TEST_F(RemoteCatalogTest, TakesAVersionAloneForItsModelsOnceItHasSeenIt) {
  auto upstream = options();
  upstream.deny = {"denied/*"};
  start(upstream);
  const domain::RelayTarget alone{domain::RelayTarget::Kind::version, std::string(64, 'a')};
  EXPECT_FALSE(catalog().serves(alone)) << "it may be a denied one";
  http_.answer(kBase, {reply(200, model("acme", "real"))});
  ASSERT_TRUE(run(catalog().find("acme", "real", "")));
  EXPECT_TRUE(catalog().serves(alone));
}

TEST_F(RemoteCatalogTest, FindsAVersionWhereItLies) {
  auto upstream = options();
  upstream.accounts.push_back({"second", Secret("token-2")});
  start(upstream);
  const std::string id(64, 'b');
  const domain::RemoteHome home{"replicate", "second", "operator/" + training_model_name("alice/dog")};
  http_.answer(kBase, {reply(200, R"({"id":")" + id + R"(","openapi_schema":{}})"), reply(204, "")});
  const auto offer = run(catalog().find_at(home, "alice", "dog", id)).value();
  EXPECT_EQ(offer.model->full_name(), "alice/dog");
  EXPECT_EQ(offer.version->id, id);
  EXPECT_EQ(offer.at, "replicate/second");
  EXPECT_EQ(catalog().known_at(home, "alice", "dog", id).at, "replicate/second");
  ASSERT_EQ(http_.sent().size(), 1u);
  EXPECT_EQ(http_.sent()[0].url, kBase + "/v1/models/" + home.model + "/versions/" + id);
  EXPECT_EQ(http_.sent()[0].headers.back().second, "Bearer token-2");
  run([](ReplicateCatalog& of, domain::RemoteHome at, std::string version) -> async::Task<bool> {
    co_await of.remove_at(std::move(at), std::move(version));
    co_return true;
  }(catalog(), home, id));
  EXPECT_EQ(http_.sent()[1].method, "DELETE");
}

}  // namespace
}  // namespace hekto::runners::replicate
