// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/routes.h"

#include <gtest/gtest.h>

namespace hekto::runners::replicate {
namespace {

using Kind = domain::RelayTarget::Kind;

UpstreamOptions options() {
  UpstreamOptions upstream;
  upstream.name = "up";
  upstream.url = "http://upstream.example";
  upstream.accounts = {{"main", Secret("token-1")}, {"second", Secret("token-2")}};
  upstream.names = {{"my/model", "acme/real"}, {"my/deployment", "acme/fast"}};
  return upstream;
}

TEST(CatalogRoutes, OfVersionsNameTheVersionAlone) {
  const auto upstream = options();
  for (const auto& target :
       {domain::RelayTarget{Kind::version, "v1"}, {Kind::version, "my/model:v1"}, {Kind::trained, "up/main:v1"}}) {
    const auto route = create_route(upstream, target, {});
    EXPECT_EQ(route.path, "/v1/predictions");
    EXPECT_EQ(route.version, "v1");
  }
}

TEST(CatalogRoutes, LeadATrainedVersionToItsAccountAlone) {
  const auto upstream = options();
  const domain::RelayTarget target{Kind::trained, "up/second:v1"};
  EXPECT_TRUE(serves(upstream, target));
  EXPECT_FALSE(serves(upstream, upstream.accounts[0], target));
  EXPECT_TRUE(serves(upstream, upstream.accounts[1], target));
  EXPECT_FALSE(serves(upstream, upstream.accounts[1], {Kind::trained, "up/secon:v1"}));
  EXPECT_FALSE(serves(upstream, {Kind::trained, "other/second:v1"}));
  EXPECT_TRUE(serves(upstream, upstream.accounts[0], {Kind::model, "my/model"}));
}

TEST(CatalogRoutes, LeadToNothingButModels) {
  const auto upstream = options();
  for (const std::string name : {"../account", "./account", "models/..", "acme%2Dinc/real"}) {
    EXPECT_FALSE(serves(upstream, {Kind::model, name})) << name;
    EXPECT_FALSE(serves(upstream, {Kind::deployment, name})) << name;
  }
}

TEST(CatalogRoutes, LeadToNoModelThatStandsForOneOfAClient) {
  const auto upstream = options();
  const auto name = training_model_name("alice/dog");
  EXPECT_EQ(name, training_model_name("alice/dog"));
  EXPECT_NE(name, training_model_name("alice/cat"));
  EXPECT_EQ(name.find("alice"), std::string::npos);
  for (const auto& target : {domain::RelayTarget{Kind::model, "operator/" + name},
                             {Kind::version, "operator/" + name + ":v1"},
                             {Kind::training, "operator/" + name + ":v1"}}) {
    EXPECT_FALSE(serves(upstream, target)) << target.name;
  }
}

}  // namespace
}  // namespace hekto::runners::replicate
