// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <thread>

#include "base/hash.h"
#include "tests/contract/store_harness.h"

namespace hekto::test {
namespace {

domain::Account account(const std::string& name) { return {new_id(sample_time()), name, sample_time()}; }

domain::Key key(const std::string& id, const std::string& owner) {
  domain::Key k;
  k.id = id;
  k.account = owner;
  k.name = "key of " + owner;
  k.sha256 = sha256(id);
  k.created_at = sample_time();
  return k;
}

class StoreAccounts : public StoreContract {};

TEST_P(StoreAccounts, ARefusedChangeDoesNotStopTheStore) {
  ASSERT_TRUE(run_task(store().create_account(account("acme"))).has_value());
  ASSERT_FALSE(run_task(store().create_account(account("acme"))).has_value());
  EXPECT_TRUE(store().accepts_writes());
}

TEST_P(StoreAccounts, ListsAccountsOldestFirst) {
  const auto b = account("b");
  const auto a = account("a");
  ASSERT_TRUE(run_task(store().create_account(b)).has_value());
  ASSERT_TRUE(run_task(store().create_account(a)).has_value());
  EXPECT_EQ(run_task(store().list_accounts()).value(), (std::vector{b, a}));
}

TEST_P(StoreAccounts, RefusesAnAccountWhoseNameOrIdIsTaken) {
  const auto first = account("acme");
  ASSERT_TRUE(run_task(store().create_account(first)).has_value());
  EXPECT_EQ(code_of(run_task(store().create_account(account("acme")))), ErrorCode::conflict);
  auto same_id = account("other");
  same_id.id = first.id;
  EXPECT_EQ(code_of(run_task(store().create_account(same_id))), ErrorCode::conflict);
  EXPECT_EQ(run_task(store().list_accounts()).value(), std::vector{first});
}

TEST_P(StoreAccounts, KeepsEveryFieldOfAKey) {
  const auto owner = account("acme");
  ASSERT_TRUE(run_task(store().create_account(owner)).has_value());
  auto plain = key("aaaaaaaaaa", owner.id);
  auto full = key("0000000000", owner.id);
  full.test = true;
  full.sha256 = std::string("\0\xFF bytes", 8);
  full.expires_at = sample_time() + std::chrono::hours(1);
  full.revoked_at = sample_time() + std::chrono::microseconds(1);
  ASSERT_TRUE(run_task(store().create_key(plain)).has_value());
  ASSERT_TRUE(run_task(store().create_key(full)).has_value());
  EXPECT_EQ(run_task(store().list_keys()).value(), (std::vector{plain, full})) << "oldest first";
}

TEST_P(StoreAccounts, RefusesAKeyWithoutAnAccountAndOneThatExists) {
  const auto owner = account("acme");
  ASSERT_TRUE(run_task(store().create_account(owner)).has_value());
  EXPECT_EQ(code_of(run_task(store().create_key(key("aaaaaaaaaa", new_id(sample_time()))))), ErrorCode::not_found);
  ASSERT_TRUE(run_task(store().create_key(key("aaaaaaaaaa", owner.id))).has_value());
  EXPECT_EQ(code_of(run_task(store().create_key(key("aaaaaaaaaa", owner.id)))), ErrorCode::conflict);
  EXPECT_EQ(run_task(store().list_keys()).value().size(), 1u);
}

TEST_P(StoreAccounts, RevokesAKeyOnceAndKeepsTheFirstTime) {
  const auto owner = account("acme");
  ASSERT_TRUE(run_task(store().create_account(owner)).has_value());
  ASSERT_TRUE(run_task(store().create_key(key("aaaaaaaaaa", owner.id))).has_value());
  ASSERT_TRUE(run_task(store().create_key(key("bbbbbbbbbb", owner.id))).has_value());
  const auto revoked = run_task(store().revoke_key("aaaaaaaaaa", sample_time()));
  EXPECT_EQ(revoked.value().revoked_at, sample_time());
  EXPECT_EQ(revoked.value().sha256, sha256("aaaaaaaaaa"));
  const auto again = run_task(store().revoke_key("aaaaaaaaaa", sample_time() + std::chrono::hours(1)));
  EXPECT_EQ(again.value().revoked_at, sample_time());
  const auto keys = run_task(store().list_keys()).value();
  EXPECT_EQ(keys.at(0), *revoked) << "revoked keys stay in the list";
  EXPECT_EQ(keys.at(1).revoked_at, std::nullopt);
}

TEST_P(StoreAccounts, DoesNotFindAKeyToRevokeThatIsNotThere) {
  EXPECT_EQ(code_of(run_task(store().revoke_key("aaaaaaaaaa", sample_time()))), ErrorCode::not_found);
}

TEST_P(StoreAccounts, KeepsTheFirstValueOfASetting) {
  const std::string secret("\0\x01\xFFsecret", 9);
  EXPECT_EQ(run_task(store().setting("link-key", secret)).value(), secret);
  EXPECT_EQ(run_task(store().setting("link-key", "another")).value(), secret);
  EXPECT_EQ(run_task(store().setting("other", "")).value(), "");
  EXPECT_EQ(run_task(store().setting("other", "late")).value(), "") << "an empty value is a value";
}

TEST_P(StoreAccounts, AgreesOnOneSettingAmongManyThreads) {
  std::vector<std::future<std::string>> racers;
  for (int i = 0; i < 8; ++i) {
    racers.push_back(std::async(std::launch::async, [this, i] {
      return run_task(store().setting("race", "value " + std::to_string(i))).value();
    }));
  }
  const auto first = racers.front().get();
  for (std::size_t i = 1; i < racers.size(); ++i) EXPECT_EQ(racers[i].get(), first);
}

INSTANTIATE_TEST_SUITE_P(Every, StoreAccounts, testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace hekto::test
