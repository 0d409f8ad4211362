// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/routes.h"

#include <gtest/gtest.h>

namespace hekto::runners::replicate {
namespace {

using domain::RelayTarget;
using Kind = RelayTarget::Kind;

UpstreamOptions upstream(std::vector<std::string> models, std::vector<std::string> deny = {}) {
  return {.name = "up", .models = std::move(models), .deny = std::move(deny)};
}

TEST(Routes, ServeWhatThePatternsName) {
  EXPECT_TRUE(serves(upstream({"*/*"}), {Kind::model, "acme/flux"}));
  EXPECT_TRUE(serves(upstream({"acme/*"}), {Kind::model, "acme/flux"}));
  EXPECT_TRUE(serves(upstream({"other/x", "acme/flux"}), {Kind::model, "acme/flux"}));
  EXPECT_FALSE(serves(upstream({"acme/flux"}), {Kind::model, "acme/flux-pro"}));
  EXPECT_FALSE(serves(upstream({}), {Kind::model, "acme/flux"}));
}

TEST(Routes, ServeNothingThatIsDenied) {
  EXPECT_FALSE(serves(upstream({"*/*"}, {"acme/*"}), {Kind::model, "acme/flux"}));
  EXPECT_TRUE(serves(upstream({"*/*"}, {"acme/flux"}), {Kind::model, "acme/other"}));
  EXPECT_FALSE(serves(upstream({"*/*"}, {"acme/flux"}), {Kind::version, "acme/flux:v1"}));
  EXPECT_FALSE(serves(upstream({"*/*"}, {"acme/flux"}), {Kind::training, "acme/flux:v1"}));
}

TEST(Routes, HoldVersionsTrainingsAndDeploymentsToThePatterns) {
  const auto up = upstream({"acme/*"});
  EXPECT_TRUE(serves(up, {Kind::version, "acme/flux:v1"}));
  EXPECT_FALSE(serves(up, {Kind::version, "other/flux:v1"}));
  EXPECT_TRUE(serves(up, {Kind::training, "acme/flux:v1"}));
  EXPECT_FALSE(serves(up, {Kind::training, "other/flux:v1"}));
  EXPECT_TRUE(serves(up, {Kind::deployment, "acme/mine"}));
  EXPECT_FALSE(serves(up, {Kind::deployment, "other/theirs"}));
}

TEST(Routes, ServeAVersionAloneOnlyWhereEveryModelIsServed) {
  EXPECT_TRUE(serves(upstream({"*/*"}), {Kind::version, "v1"}));
  EXPECT_TRUE(serves(upstream({"acme/*", "*/*"}), {Kind::version, "v1"}));
  EXPECT_FALSE(serves(upstream({"acme/*"}), {Kind::version, "v1"}));
  EXPECT_FALSE(serves(upstream({"*/*"}, {"acme/flux"}), {Kind::version, "v1"})) << "it may be one of the denied model";
}

TEST(Routes, MapNamesBothWays) {
  auto up = upstream({"*/*"});
  up.names = {{"ours/fast", "acme/flux"}};
  EXPECT_EQ(upstream_name(up, "ours/fast"), "acme/flux");
  EXPECT_EQ(upstream_name(up, "acme/other"), "acme/other");
  EXPECT_EQ(client_name(up, "acme/flux"), "ours/fast");
  EXPECT_EQ(client_name(up, "acme/other"), "acme/other");
}

TEST(Routes, ServeByTheClientsName) {
  auto up = upstream({"ours/*"});
  up.names = {{"ours/fast", "acme/flux"}};
  EXPECT_TRUE(serves(up, {Kind::model, "ours/fast"}));
  EXPECT_FALSE(serves(up, {Kind::model, "acme/flux"}));
}

TEST(CreateRoute, IsTheOfficialOneOfEachKind) {
  const auto up = upstream({"*/*"});
  auto route = create_route(up, {Kind::model, "acme/flux"}, "");
  EXPECT_EQ(route.path, "/v1/models/acme/flux/predictions");
  EXPECT_EQ(route.version, "");
  EXPECT_EQ(route.destination, "");

  route = create_route(up, {Kind::version, "acme/flux:v1"}, "");
  EXPECT_EQ(route.path, "/v1/predictions");
  EXPECT_EQ(route.version, "v1");
  EXPECT_EQ(create_route(up, {Kind::version, "v1"}, "").version, "v1");

  route = create_route(up, {Kind::deployment, "acme/mine"}, "");
  EXPECT_EQ(route.path, "/v1/deployments/acme/mine/predictions");
  EXPECT_EQ(route.version, "");

  route = create_route(up, {Kind::training, "acme/flux:v1"}, "me/tuned");
  EXPECT_EQ(route.path, "/v1/models/acme/flux/versions/v1/trainings");
  EXPECT_EQ(route.version, "");
  EXPECT_EQ(route.destination, "me/tuned");
}

TEST(CreateRoute, UsesTheUpstreamsNames) {
  auto up = upstream({"*/*"});
  up.names = {{"ours/fast", "acme/flux"}, {"ours/tuned", "me/tuned"}};
  EXPECT_EQ(create_route(up, {Kind::model, "ours/fast"}, "").path, "/v1/models/acme/flux/predictions");
  EXPECT_EQ(create_route(up, {Kind::deployment, "ours/fast"}, "").path, "/v1/deployments/acme/flux/predictions");
  const auto training = create_route(up, {Kind::training, "ours/fast:v1"}, "ours/tuned");
  EXPECT_EQ(training.path, "/v1/models/acme/flux/versions/v1/trainings");
  EXPECT_EQ(training.destination, "me/tuned");
}

TEST(CreateRoute, LeadsNowhereElseWhateverANameHolds) {
  const auto up = upstream({"*/*"});
  EXPECT_EQ(create_route(up, {Kind::model, "a b/../x?y#z"}, "").path, "/v1/models/a%20b/..%2Fx%3Fy%23z/predictions");
  EXPECT_EQ(create_route(up, {Kind::training, "a/b:v/1?x"}, "c/d").path, "/v1/models/a/b/versions/v%2F1%3Fx/trainings");
}

TEST(Origin, IsSchemeHostAndPort) {
  EXPECT_EQ(origin_of("https://API.Example/v1/x?y"), "https://api.example");
  EXPECT_EQ(origin_of("https://api.example:443/"), "https://api.example");
  EXPECT_EQ(origin_of("http://api.example:8080"), "http://api.example:8080");
  EXPECT_EQ(origin_of("/v1/predictions"), "");
  EXPECT_EQ(origin_of("ftp://api.example/"), "");
  EXPECT_EQ(origin_of(""), "");
}

TEST(OutputUrl, LiesAtTheUpstreamOrAtItsFileHosts) {
  UpstreamOptions up{.name = "up", .url = "https://api.example:8443"};
  EXPECT_TRUE(is_output_url(up, "https://api.example:8443/delivery/x/out-0.png"));
  EXPECT_TRUE(is_output_url(up, "https://replicate.delivery/x/out-0.png"));
  EXPECT_TRUE(is_output_url(up, "https://PBXT.replicate.delivery/x/out-0.png"));
  EXPECT_FALSE(is_output_url(up, "https://api.example/delivery/x/out-0.png"));
  EXPECT_FALSE(is_output_url(up, "https://replicate.delivery.evil.example/x"));
  EXPECT_FALSE(is_output_url(up, "https://evilreplicate.delivery/x"));
  EXPECT_FALSE(is_output_url(up, "data:image/png;base64,AAAA"));
  EXPECT_FALSE(is_output_url(up, "see https://replicate.delivery/x"));
}

}  // namespace
}  // namespace hekto::runners::replicate
