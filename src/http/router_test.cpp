// SPDX-License-Identifier: Apache-2.0
#include "http/router.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace hekto::http {
namespace {

Handler none() { return {}; }

struct Found {
  std::string pattern;
  std::array<std::string_view, 4> params;
  Router::Match match;
};

Found find(const Router& router, Method method, std::string_view path) {
  Found found;
  found.match = router.match(method, path, found.params);
  if (found.match.route != nullptr) found.pattern = found.match.route->pattern;
  return found;
}

TEST(Router, BindsParametersInOrder) {
  Router router;
  router.add(Method::get, "/v1/models/{owner}/{name}/versions/{id}", none());
  const Found found = find(router, Method::get, "/v1/models/black-forest-labs/flux%2Fx/versions/7");
  ASSERT_NE(found.match.route, nullptr);
  EXPECT_EQ(found.params[0], "black-forest-labs");
  EXPECT_EQ(found.params[1], "flux%2Fx");
  EXPECT_EQ(found.params[2], "7");
  EXPECT_TRUE(found.params[3].empty());
}

TEST(Router, PrefersLiteralsThenParametersThenTheRest) {
  Router router;
  router.add(Method::get, "/a/{rest...}", none());
  router.add(Method::get, "/a/{x}", none());
  router.add(Method::get, "/a/b", none());
  EXPECT_EQ(find(router, Method::get, "/a/b").pattern, "/a/b");
  EXPECT_EQ(find(router, Method::get, "/a/c").pattern, "/a/{x}");
  EXPECT_EQ(find(router, Method::get, "/a/b/c").pattern, "/a/{rest...}");
  EXPECT_EQ(find(router, Method::get, "/a/b/c").params[0], "b/c");
  EXPECT_EQ(find(router, Method::get, "/a/").pattern, "/a/{rest...}");
}

TEST(Router, GoesBackWhenTheMoreSpecificPathLacksTheMethod) {
  Router router;
  router.add(Method::post, "/m/search", none());
  router.add(Method::get, "/m/{name}", none());
  EXPECT_EQ(find(router, Method::get, "/m/search").pattern, "/m/{name}");
  EXPECT_EQ(find(router, Method::get, "/m/search").params[0], "search");
  const Found refused = find(router, Method::del, "/m/search");
  EXPECT_TRUE(refused.match.path_known);
  EXPECT_EQ(refused.match.allow, "GET, HEAD, POST");
}

TEST(Router, MatchesWholeNonEmptySegmentsOnly) {
  Router router;
  router.add(Method::get, "/p/{id}", none());
  for (const char* path : {"/p", "/p/", "/p/1/", "/p/1/2", "//p/1", "/P/1", "p/1", "", "*", "/"}) {
    const Found found = find(router, Method::get, path);
    EXPECT_EQ(found.match.route, nullptr) << path;
    EXPECT_FALSE(found.match.path_known) << path;
    EXPECT_TRUE(found.params[0].empty()) << path;
  }
}

TEST(Router, AnswersHeadWithGetUnlessHeadHasItsOwn) {
  Router router;
  router.add(Method::get, "/a", none());
  router.add(Method::get, "/b", none());
  router.add(Method::head, "/b", none());
  EXPECT_EQ(find(router, Method::head, "/a").match.route->method, Method::get);
  EXPECT_EQ(find(router, Method::head, "/b").match.route->method, Method::head);
}

TEST(Router, MatchesTheRoot) {
  Router router;
  router.add(Method::get, "/", none());
  EXPECT_EQ(find(router, Method::get, "/").pattern, "/");
}

TEST(Router, RefusesFaultyPatterns) {
  Router router;
  router.add(Method::get, "/a/{x}", none());
  EXPECT_THROW(router.add(Method::get, "/a/{y}", none()), std::invalid_argument);
  EXPECT_THROW(router.add(Method::get, "a", none()), std::invalid_argument);
  EXPECT_THROW(router.add(Method::get, "/{r...}/b", none()), std::invalid_argument);
  EXPECT_THROW(router.add(Method::get, "/{a}/{b}/{c}/{d}/{e}", none()), std::invalid_argument);
  EXPECT_NO_THROW(router.add(Method::post, "/a/{y}", none()));
}

}  // namespace
}  // namespace hekto::http
