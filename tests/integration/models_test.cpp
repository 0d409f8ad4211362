// SPDX-License-Identifier: Apache-2.0
#include "service/models.h"

#include "tests/integration/service_fixture.h"

namespace hekto::test {
namespace {

class ModelsTest : public ServiceFixture {
 protected:
  static domain::OwnedModel model(const std::string& name, const std::string& visibility = "private",
                                  const std::string& owner = "alice") {
    domain::OwnedModel m;
    m.account = owner;
    m.owner = owner;
    m.name = name;
    m.visibility = visibility;
    m.hardware = "cpu";
    return m;
  }
  std::optional<ErrorCode> removal(const std::string& account, const std::string& owner, const std::string& name) {
    const auto removed = run(models.remove(account, owner, name));
    return removed ? std::nullopt : std::optional(removed.error().code);
  }
  service::Models models{store, clock, catalog};
};

TEST_F(ModelsTest, TakeNoNameOfTheCatalog) {
  const auto refused = run(models.create(model("flux-schnell", "public", "black-forest-labs")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(removal("black-forest-labs", "black-forest-labs", "flux-schnell"), ErrorCode::forbidden);
}

TEST_F(ModelsTest, AreLimitedInNumberForEachAccount) {
  for (std::size_t i = 0; i < service::Models::kMaxPerAccount; ++i) {
    ASSERT_TRUE(run(memory.create_model(model("m" + std::to_string(i)))));
  }
  const auto refused = run(models.create(model("one-more")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
  EXPECT_TRUE(run(models.create(model("first", "private", "bob"))));
}

TEST_F(ModelsTest, TellOthersApartOnlyWhenTheyArePublic) {
  ASSERT_TRUE(run(models.create(model("hidden"))));
  ASSERT_TRUE(run(models.create(model("open", "public"))));
  EXPECT_EQ(removal("bob", "alice", "hidden"), ErrorCode::not_found);
  EXPECT_EQ(removal("bob", "alice", "none"), ErrorCode::not_found);
  EXPECT_EQ(removal("bob", "alice", "open"), ErrorCode::forbidden);
  EXPECT_EQ(removal("alice", "alice", "open"), ErrorCode::forbidden);
  EXPECT_EQ(removal("alice", "alice", "hidden"), std::nullopt);
  EXPECT_TRUE(run(models.get("bob", "alice", "open")));
  EXPECT_EQ(run(models.visible("bob"))->size(), 1u);
}

}  // namespace
}  // namespace hekto::test
