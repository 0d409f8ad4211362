// SPDX-License-Identifier: Apache-2.0
#include "service/deployments.h"

#include "tests/integration/service_fixture.h"

namespace hekto::test {
namespace {

class DeploymentsTest : public ServiceFixture {
 protected:
  domain::Deployment make(const std::string& name) {
    return run(deployments.create("alice", name, {9, "acme/m", std::string(64, 'a'), "cpu", 0, 1, {}})).value();
  }
  Result<domain::Deployment> set_max(const std::string& name, int max) {
    return run(deployments.update("alice", name, [max](domain::Release& release) -> Result<void> {
      release.max_instances = max;
      return {};
    }));
  }
  service::Deployments deployments{store, clock};
};

TEST_F(DeploymentsTest, BeginWithTheFirstRelease) {
  const auto d = make("painter");
  EXPECT_EQ(d.release.number, 1);
  EXPECT_EQ(d.release.created_at, clock.now());
  EXPECT_EQ(run(deployments.get("alice", "painter")).value(), d);
}

TEST_F(DeploymentsTest, GetAReleaseForEachChangeAndNoneForNoChange) {
  make("painter");
  clock.advance(std::chrono::seconds(5));
  const auto changed = set_max("painter", 2).value();
  EXPECT_EQ(changed.release.number, 2);
  EXPECT_EQ(changed.release.created_at, clock.now());
  clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(set_max("painter", 2).value(), changed);
}

TEST_F(DeploymentsTest, TryAgainWhenSomebodyElseWasFaster) {
  make("painter");
  int calls = 0;
  const auto updated = run(deployments.update("alice", "painter", [&](domain::Release& release) -> Result<void> {
    // Between reading and writing of the first round another release is made.
    if (++calls == 1)
      EXPECT_TRUE(
          run(memory.release("alice", "painter", {2, "acme/m", std::string(64, 'a'), "gpu-t4", 0, 1, clock.now()})));
    release.max_instances = 7;
    return {};
  }));
  ASSERT_TRUE(updated);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(updated->release.number, 3);
  EXPECT_EQ(updated->release.hardware, "gpu-t4") << "the other's change is kept";
}

TEST_F(DeploymentsTest, StayAsTheyAreWhenTheChangeIsRefused) {
  const auto d = make("painter");
  const auto refused = run(deployments.update("alice", "painter", [](domain::Release& release) -> Result<void> {
    release.max_instances = 7;
    return fail(ErrorCode::invalid_input, "on purpose");
  }));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "on purpose");
  EXPECT_EQ(run(deployments.get("alice", "painter")).value(), d);
}

TEST_F(DeploymentsTest, GiveUpWhenTheStoreKeepsRefusing) {
  make("painter");
  for (int i = 1; i <= 30; ++i) store.plan().fail("release", i, {ErrorCode::conflict, "on purpose"});
  EXPECT_FALSE(set_max("painter", 2));
}

}  // namespace
}  // namespace hekto::test
