// SPDX-License-Identifier: Apache-2.0
#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace hekto {
namespace {

struct Row {
  const char* text;
  AddressKind kind;
};

constexpr auto kGlobal = AddressKind::global;
constexpr auto kLoopback = AddressKind::loopback;
constexpr auto kSpecial = AddressKind::special;

/// The edges of every block, one address on each side.
constexpr Row kRows[] = {
    {"0.0.0.0", kSpecial},
    {"0.0.0.1", kSpecial},
    {"0.255.255.255", kSpecial},
    {"1.0.0.0", kGlobal},
    {"1.1.1.1", kGlobal},
    {"9.255.255.255", kGlobal},
    {"10.0.0.0", kSpecial},
    {"10.1.2.3", kSpecial},
    {"10.255.255.255", kSpecial},
    {"11.0.0.0", kGlobal},
    {"100.63.255.255", kGlobal},
    {"100.64.0.0", kSpecial},
    {"100.127.255.255", kSpecial},
    {"100.128.0.0", kGlobal},
    {"126.255.255.255", kGlobal},
    {"127.0.0.0", kLoopback},
    {"127.0.0.1", kLoopback},
    {"127.1.2.3", kLoopback},
    {"127.255.255.255", kLoopback},
    {"128.0.0.0", kGlobal},
    {"169.253.255.255", kGlobal},
    {"169.254.0.0", kSpecial},
    {"169.254.169.254", kSpecial},
    {"169.254.255.255", kSpecial},
    {"169.255.0.0", kGlobal},
    {"172.15.255.255", kGlobal},
    {"172.16.0.0", kSpecial},
    {"172.17.0.1", kSpecial},
    {"172.31.255.255", kSpecial},
    {"172.32.0.0", kGlobal},
    {"191.255.255.255", kGlobal},
    {"192.0.0.0", kSpecial},
    {"192.0.0.170", kSpecial},
    {"192.0.0.255", kSpecial},
    {"192.0.1.0", kGlobal},
    {"192.0.2.0", kSpecial},
    {"192.0.2.255", kSpecial},
    {"192.0.3.0", kGlobal},
    {"192.88.98.255", kGlobal},
    {"192.88.99.0", kSpecial},
    {"192.88.99.255", kSpecial},
    {"192.88.100.0", kGlobal},
    {"192.167.255.255", kGlobal},
    {"192.168.0.0", kSpecial},
    {"192.168.1.1", kSpecial},
    {"192.168.255.255", kSpecial},
    {"192.169.0.0", kGlobal},
    {"198.17.255.255", kGlobal},
    {"198.18.0.0", kSpecial},
    {"198.19.255.255", kSpecial},
    {"198.20.0.0", kGlobal},
    {"198.51.99.255", kGlobal},
    {"198.51.100.0", kSpecial},
    {"198.51.100.255", kSpecial},
    {"198.51.101.0", kGlobal},
    {"203.0.112.255", kGlobal},
    {"203.0.113.0", kSpecial},
    {"203.0.113.255", kSpecial},
    {"203.0.114.0", kGlobal},
    {"223.255.255.255", kGlobal},
    {"224.0.0.0", kSpecial},
    {"224.0.0.1", kSpecial},
    {"239.255.255.255", kSpecial},
    {"240.0.0.0", kSpecial},
    {"255.255.255.254", kSpecial},
    {"255.255.255.255", kSpecial},
    {"::", kSpecial},
    {"::1", kLoopback},
    {"0:0:0:0:0:0:0:1", kLoopback},
    {"::2", kSpecial},
    {"::127.0.0.1", kSpecial},
    {"::8.8.8.8", kSpecial},
    {"::ffff:127.0.0.1", kLoopback},
    {"::ffff:7f00:1", kLoopback},
    {"0:0:0:0:0:ffff:7f00:0001", kLoopback},
    {"::FFFF:10.0.0.1", kSpecial},
    {"::ffff:a00:1", kSpecial},
    {"::ffff:169.254.169.254", kSpecial},
    {"::ffff:0.0.0.0", kSpecial},
    {"::ffff:8.8.8.8", kGlobal},
    {"::ffff:0:127.0.0.1", kSpecial},
    {"::fffe:8.8.8.8", kSpecial},
    {"64:ff9b::8.8.8.8", kGlobal},
    {"64:ff9b::127.0.0.1", kSpecial},
    {"64:ff9b::10.0.0.1", kSpecial},
    {"64:ff9b::a9fe:a9fe", kSpecial},
    {"64:ff9b:1::1", kSpecial},
    {"64:ff9b:0:1::8.8.8.8", kSpecial},
    {"100::1", kSpecial},
    {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kSpecial},
    {"2000::", kGlobal},
    {"2001::1", kSpecial},
    {"2001:0:7f00:1::", kSpecial},
    {"2001:2::1", kSpecial},
    {"2001:10::1", kSpecial},
    {"2001:20::1", kSpecial},
    {"2001:1ff:ffff::", kSpecial},
    {"2001:200::", kGlobal},
    {"2001:4860:4860::8888", kGlobal},
    {"2001:db7:ffff::", kGlobal},
    {"2001:db8::1", kSpecial},
    {"2001:db8:ffff::", kSpecial},
    {"2001:db9::", kGlobal},
    {"2002:7f00:1::1", kSpecial},
    {"2002:808:808::1", kSpecial},
    {"2003::1", kGlobal},
    {"2606:4700:4700::1111", kGlobal},
    {"3ffe:ffff::", kGlobal},
    {"3fff::1", kSpecial},
    {"3fff:fff:ffff::", kSpecial},
    {"3fff:1000::", kGlobal},
    {"4000::", kSpecial},
    {"5f00::1", kSpecial},
    {"8000::1", kSpecial},
    {"fbff::", kSpecial},
    {"fc00::1", kSpecial},
    {"fd00:ec2::254", kSpecial},
    {"fdff:ffff::1", kSpecial},
    {"fe00::1", kSpecial},
    {"fe80::1", kSpecial},
    {"febf:ffff::1", kSpecial},
    {"fec0::1", kSpecial},
    {"ff02::1", kSpecial},
    {"ff0e::1", kSpecial},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kSpecial},
};

TEST(IpAddress, IsGlobalLoopbackOrSpecialAtTheEdgesOfEveryBlock) {
  static_assert(std::size(kRows) >= 100);
  for (const auto& row : kRows) {
    const auto address = parse_ip_address(row.text);
    ASSERT_TRUE(address) << row.text;
    EXPECT_EQ(address_kind(*address), row.kind) << row.text;
  }
}

TEST(IpAddress, IsReadInItsFullFormsOnly) {
  for (const char* bad : {"",
                          " ",
                          "1",
                          "127.1",
                          "127.0.1",
                          "2130706433",
                          "0x7f000001",
                          "0x7f.0.0.1",
                          "0177.0.0.1x",
                          "127.0.0.1 ",
                          " 127.0.0.1",
                          "127.0.0.1.",
                          "127.0.0.256",
                          "127.0.0.1:80",
                          "[::1]",
                          "::1%lo",
                          "fe80::1%eth0",
                          ":::1",
                          "1::2::3",
                          "::ffff:127.1",
                          "localhost",
                          "1.2.3.4/32",
                          "12345::"}) {
    EXPECT_FALSE(parse_ip_address(bad)) << bad;
  }
  EXPECT_FALSE(parse_ip_address(std::string_view("127.0.0.1\0x", 11)));
}

TEST(IpAddress, IsOneValueWhetherMappedOrNot) {
  EXPECT_EQ(parse_ip_address("::ffff:10.0.0.1"), parse_ip_address("10.0.0.1"));
  EXPECT_EQ(format_ip_address(*parse_ip_address("::ffff:10.0.0.1")), "10.0.0.1");
  EXPECT_EQ(format_ip_address(*parse_ip_address("2001:DB8:0::1")), "2001:db8::1");
}

TEST(NetworkList, ContainsItsBlocksToTheBit) {
  const auto list = NetworkList::parse({"10.0.0.0/9", "192.168.1.7", "fd00::/10"});
  ASSERT_TRUE(list);
  const auto contains = [&](const char* text) { return list->contains(*parse_ip_address(text)); };
  EXPECT_TRUE(contains("10.127.255.255"));
  EXPECT_FALSE(contains("10.128.0.0"));
  EXPECT_TRUE(contains("192.168.1.7"));
  EXPECT_TRUE(contains("::ffff:192.168.1.7"));
  EXPECT_FALSE(contains("192.168.1.6"));
  EXPECT_TRUE(contains("fd3f::1"));
  EXPECT_FALSE(contains("fd40::1"));
  EXPECT_FALSE(NetworkList{}.contains(*parse_ip_address("10.0.0.1")));
}

TEST(NetworkList, CountsThePrefixInTheFormItWasWrittenIn) {
  const auto list = NetworkList::parse({"::ffff:10.0.0.0/104"});
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->contains(*parse_ip_address("10.9.9.9")));
  EXPECT_FALSE(list->contains(*parse_ip_address("11.0.0.0")));
}

TEST(NetworkList, RefusesWhatIsNoNetwork) {
  for (const char* bad :
       {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "example.com", "/8"}) {
    const auto list = NetworkList::parse({"10.0.0.0/8", bad});
    ASSERT_FALSE(list) << bad;
    EXPECT_NE(list.error().message.find("'" + std::string(bad) + "'"), std::string::npos);
  }
}

}  // namespace
}  // namespace hekto
