// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <vector>

#include "service/accounts.h"
#include "tests/integration/service_fixture.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;

class Keys : public ServiceFixture {
 protected:
  std::string make(const std::string& account = {}, bool test = false, std::optional<Duration> life = {}) {
    const auto made = run(accounts.create_key("a key", account, test, life));
    EXPECT_TRUE(made);
    id = made->key.id;
    return made->text.reveal();
  }
  std::string refusal(const std::string& header) {
    const auto who = ring.authenticate(header, clock.now());
    return who ? "accepted" : who.error().message;
  }

  service::KeyRing ring{store, clock, {}};
  service::Accounts accounts{store, clock, &ring};
  std::string id;
};

const std::string kBad = "You did not pass a valid authentication token";

TEST_F(Keys, OpenByBearerAndByTokenInAnyCase) {
  const std::string key = make();
  for (const char* scheme : {"Bearer ", "Token ", "bearer ", "TOKEN  "}) {
    const auto who = ring.authenticate(scheme + key, clock.now());
    ASSERT_TRUE(who) << scheme;
    EXPECT_EQ((*who)->account_name(), "default");
  }
}

TEST_F(Keys, ThatAreTheFirstOnesAndMadeAtOnceShareOneAccount) {
  std::vector<std::future<bool>> made;
  for (int i = 0; i < 8; ++i) {
    made.push_back(std::async(
        std::launch::async, [this] { return run(accounts.create_key("a key", "", false, std::nullopt)).has_value(); }));
  }
  for (auto& one : made) EXPECT_TRUE(one.get());
  EXPECT_EQ(run(store.list_accounts())->size(), 1u);
  EXPECT_EQ(ring.size(), 8u);
}

TEST_F(Keys, SayInTheOfficialWordsWhatIsMissing) {
  make();
  EXPECT_EQ(refusal(""), "You did not pass an authentication token");
  for (const char* header : {"Bearer", "Bearer x", "Bearer r8_abc", "Basic abc"})
    EXPECT_EQ(refusal(header), kBad) << header;
  EXPECT_EQ(refusal("Bearer " + domain::new_key_text(false).text.reveal()), kBad);
}

TEST_F(Keys, StopWorkingOnTheNextRequestAfterTheyAreRevoked) {
  const std::string key = make();
  ASSERT_TRUE(ring.authenticate("Bearer " + key, clock.now()));
  ASSERT_TRUE(run(accounts.revoke_key(id)));
  EXPECT_EQ(refusal("Bearer " + key), kBad);
  EXPECT_FALSE(run(accounts.revoke_key("unknown")));
}

TEST_F(Keys, StopWorkingWhenTheyExpire) {
  const std::string key = make({}, false, 1h);
  ASSERT_TRUE(ring.authenticate("Bearer " + key, clock.now()));
  clock.advance(1h);
  EXPECT_EQ(refusal("Bearer " + key), kBad);
}

TEST_F(Keys, AreNotKeptAsText) {
  const std::string key = make();
  const auto rows = run(store.list_keys());
  ASSERT_TRUE(rows);
  EXPECT_NE(rows->front().sha256, key);
  EXPECT_EQ(rows->front().sha256.size(), 32u);
}

TEST_F(Keys, BelongToAnAccountThatExists) {
  EXPECT_FALSE(run(accounts.create_key("k", "nobody", false, {})));
  ASSERT_TRUE(run(accounts.create_account("acme")));
  EXPECT_FALSE(run(accounts.create_account("acme")));
  const auto who = ring.authenticate("Bearer " + make("acme", true), clock.now());
  ASSERT_TRUE(who);
  EXPECT_EQ((*who)->account_name(), "acme");
  EXPECT_TRUE((*who)->key().test);
  EXPECT_EQ(run(accounts.list_keys())->front().account_name, "acme");
}

TEST_F(Keys, NeedAUsableName) {
  EXPECT_FALSE(run(accounts.create_key("", "", false, {})));
  EXPECT_FALSE(run(accounts.create_key("a\nb", "", false, {})));
  EXPECT_FALSE(run(accounts.create_key(std::string(101, 'a'), "", false, {})));
  EXPECT_FALSE(run(accounts.create_account("No Good")));
}

TEST_F(Keys, KeepTheirAllowanceWhenOthersChange) {
  service::KeyRing small(store, clock, {.creates = 2, .reads = 0, .others = 5});
  service::Accounts changing(store, clock, &small);
  const auto made = run(changing.create_key("k", "", false, {}));
  const std::string header = "Bearer " + made->text.reveal();
  EXPECT_EQ((*small.authenticate(header, clock.now()))->take(service::RateClass::create, clock.now())->remaining, 1);
  ASSERT_TRUE(run(changing.create_key("other", "", false, {})));
  EXPECT_EQ((*small.authenticate(header, clock.now()))->take(service::RateClass::create, clock.now())->remaining, 0);
  EXPECT_FALSE((*small.authenticate(header, clock.now()))->take(service::RateClass::create, clock.now())->allowed);
  EXPECT_EQ((*small.authenticate(header, clock.now()))->take(service::RateClass::read, clock.now()), std::nullopt);
}

}  // namespace
}  // namespace hekto::test
