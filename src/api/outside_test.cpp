// SPDX-License-Identifier: Apache-2.0
#include "api/outside.h"

#include <gtest/gtest.h>

namespace hekto::api {
namespace {

http::Request asking(std::vector<http::Request::Header> headers) {
  http::Request request;
  request.headers = std::move(headers);
  return request;
}

TEST(Outside, IsWhereARequestForAnotherHostComesFrom) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:8080", "127.9.9.9", "localhost", "LocalHost:80", "localhost.",
                           "app.localhost:3000", "[::1]", "[::1]:8080", "[::ffff:127.0.0.1]:80"}) {
    EXPECT_FALSE(comes_from_outside(asking({{"Host", host}}))) << host;
  }
  EXPECT_FALSE(comes_from_outside(asking({}))) << "HTTP/1.0 names no host";
  for (const char* host : {"hekto.example", "hekto.example:8080", "192.168.1.2", "localhost.example", "notlocalhost",
                           "[fd00::1]:80", "[::]", "0.0.0.0", "[", "127.0.0.1.nip.io"}) {
    EXPECT_TRUE(comes_from_outside(asking({{"Host", host}}))) << host;
  }
}

TEST(Outside, IsWhereARequestComesFromThatAProxyMarked) {
  for (const char* name :
       {"Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-FORWARDED-PROTO", "X-Real-IP", "Via"}) {
    EXPECT_TRUE(comes_from_outside(asking({{"Host", "127.0.0.1"}, {name, "x"}}))) << name;
    EXPECT_TRUE(names_a_proxy(asking({{name, ""}}))) << name;
  }
  EXPECT_FALSE(names_a_proxy(asking({{"Host", "hekto.example"}, {"X-Other", "x"}})));
}

}  // namespace
}  // namespace hekto::api
