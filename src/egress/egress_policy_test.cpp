// SPDX-License-Identifier: Apache-2.0
#include "egress/egress_policy.h"

#include "tests/support/egress_fixture.h"

namespace hekto::egress {
namespace {

using test::code_of;
using test::Receiver;

bool permits(const EgressPolicy& policy, std::string_view address, std::uint16_t port) {
  return policy.permits(*parse_ip_address(address), port);
}

TEST(EgressPolicy, TakesThePortsOfTheWebAndThoseThatAnyProgramMayUse) {
  const EgressPolicy usual;
  for (const std::uint16_t port : {80, 443, 1024, 8080, 8443, 65535}) EXPECT_TRUE(permits(usual, "8.8.8.8", port));
  for (const std::uint16_t port : {0, 1, 22, 25, 53, 79, 81, 110, 389, 442, 444, 445, 587, 993, 1023}) {
    EXPECT_FALSE(permits(usual, "8.8.8.8", port)) << port;
  }
  EgressPolicy web;
  web.allow = *NetworkList::parse({"10.0.0.0/8"});
  web.ports = {{443, 443}};
  EXPECT_TRUE(permits(web, "8.8.8.8", 443));
  EXPECT_FALSE(permits(web, "8.8.8.8", 80));
  EXPECT_FALSE(permits(web, "10.1.2.3", 8080)) << "an allowed network opens no port";
}

TEST(EgressPolicy, NeverLeadsToTheServerItself) {
  EgressPolicy policy{*NetworkList::parse({"127.0.0.0/8", "::1", "0.0.0.0", "::"}), true};
  policy.own_ports = {8080, 9090};
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"}) {
    EXPECT_FALSE(permits(policy, address, 8080)) << address;
    EXPECT_FALSE(permits(policy, address, 9090)) << address;
    EXPECT_TRUE(permits(policy, address, 8081)) << address;
  }
  EXPECT_TRUE(permits(policy, "8.8.8.8", 8080));
}

TEST_F(Egress, RefusesItsOwnListenersAlsoByThisMachinesOtherAddresses) {
  Receiver listener(kOk);
  const auto port = static_cast<std::uint16_t>(std::stoi(listener.port()));
  CurlClient client{EgressPolicy{*NetworkList::parse({"0.0.0.0/0", "::/0"}), true}};
  ASSERT_TRUE(send(client, post(listener.url())));
  client.set_own_ports({port});
  EXPECT_EQ(code_of(send(client, post(listener.url()))), ErrorCode::forbidden);
  EXPECT_EQ(code_of(send(client, post("http://[::1]:" + listener.port()))), ErrorCode::forbidden);
  EXPECT_EQ(listener.connections(), 1);
}

TEST_F(Egress, ForgetsThatLoopbackWasAllowed) {
  Receiver receiver(kOk);
  CurlClient client{EgressPolicy{{}, true}};
  EXPECT_TRUE(send(client, post(receiver.url())));
  client.forbid_loopback();
  EXPECT_EQ(code_of(send(client, post(receiver.url()))), ErrorCode::forbidden);
  EXPECT_EQ(receiver.connections(), 1);
}

TEST_F(Egress, DialsOnlyAllowedPorts) {
  Receiver receiver(kOk);
  CurlClient web{EgressPolicy{{}, true, {{80, 80}, {443, 443}}}};
  EXPECT_EQ(code_of(send(web, post(receiver.url()))), ErrorCode::forbidden);
  EXPECT_EQ(receiver.connections(), 0);
}

}  // namespace
}  // namespace hekto::egress
