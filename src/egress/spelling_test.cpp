// SPDX-License-Identifier: Apache-2.0
// Every way that is known to write an address of this machine, or of a private network, into a URL.
#include <future>
#include <set>

#include <fmt/format.h>

#include "tests/support/egress_fixture.h"

namespace hekto::egress {
namespace {

using test::code_of;
using test::Receiver;

/// One number as inet_aton reads it: decimal, octal and hexadecimal, padded and not.
std::vector<std::string> spellings(std::uint64_t n) {
  return {fmt::format("{}", n),     fmt::format("0{:o}", n),    fmt::format("0x{:x}", n),
          fmt::format("0X{:X}", n), fmt::format("0000{:o}", n), fmt::format("0x0000{:x}", n)};
}

/// The address in one to four parts, in each base, and with bases mixed.
std::vector<std::string> quads(std::uint32_t address) {
  std::vector<std::string> out;
  const std::uint32_t a = address >> 24, b = (address >> 16) & 255, c = (address >> 8) & 255, d = address & 255;
  for (std::size_t form = 0; form < 6; ++form) {
    const auto in = [form](std::uint64_t n) { return spellings(n)[form]; };
    out.push_back(in(a) + "." + in(b) + "." + in(c) + "." + in(d));
    out.push_back(in(a) + "." + in(b) + "." + in(address & 0xFFFF));
    out.push_back(in(a) + "." + in(address & 0xFFFFFF));
    out.push_back(in(address));
    out.push_back(in(address + 0x100000000ULL));
    for (std::size_t other = 0; other < 6; ++other) {
      if (other != form) out.push_back(in(a) + "." + spellings(b)[other] + "." + in(c) + "." + spellings(d)[other]);
    }
  }
  return out;
}

const std::vector<std::string>& odd_hosts() {
  static const std::vector<std::string> kHosts = {"127.0.0.1",
                                                  "127.0.0.1.",
                                                  "127.1.",
                                                  "127.000.000.001",
                                                  "00000177.0.0.1",
                                                  "127.2.3.4",
                                                  "127.255.255.254",
                                                  "383.0.0.1",
                                                  "127.0.0.257",
                                                  "localhost",
                                                  "LOCALHOST",
                                                  "LocalHost",
                                                  "localhost.",
                                                  "0",
                                                  "00",
                                                  "0x0",
                                                  "0.0",
                                                  "0.0.0.0",
                                                  "0.0.0.0.",
                                                  "0.1",
                                                  "[::1]",
                                                  "[::]",
                                                  "[0::0]",
                                                  "[0:0:0:0:0:0:0:1]",
                                                  "[::0001]",
                                                  "[::0:1]",
                                                  "[0::1]",
                                                  "[0000:0000:0000:0000:0000:0000:0000:0001]",
                                                  "[::ffff:127.0.0.1]",
                                                  "[::ffff:7f00:1]",
                                                  "[::FFFF:7F00:0001]",
                                                  "[0:0:0:0:0:ffff:127.0.0.1]",
                                                  "[0:0:0:0:0:ffff:7f00:1]",
                                                  "[::ffff:0:127.0.0.1]",
                                                  "[::ffff:0.0.0.0]",
                                                  "[::ffff:0:0]",
                                                  "[::127.0.0.1]",
                                                  "[::7f00:1]",
                                                  "[::ffff:127.1.2.3]",
                                                  "[::ffff:127.1]",
                                                  "[64:ff9b::127.0.0.1]",
                                                  "[64:ff9b::7f00:1]",
                                                  "[64:ff9b:1::7f00:1]",
                                                  "[2002:7f00:1::]",
                                                  "[2002:7f00:1::1]",
                                                  "[2002:a00:1::1]",
                                                  "[2001:0:7f00:1::1]",
                                                  "[2001::80ff:fffe]",
                                                  "[::1%25lo]",
                                                  "[::1%lo]",
                                                  "[::1%251]",
                                                  "[fe80::1]",
                                                  "[fe80::1%25lo]",
                                                  "[fe80::1%25eth0]",
                                                  "[febf::1]",
                                                  "[fc00::1]",
                                                  "[fd00::1]",
                                                  "[fd12:3456::1]",
                                                  "[fec0::1]",
                                                  "[ff02::1]",
                                                  "[ff0e::1]",
                                                  "[100::1]",
                                                  "[2001:db8::1]",
                                                  "[::ffff:a9fe:a9fe]",
                                                  "[::ffff:10.0.0.1]",
                                                  "[::ffff:192.168.0.1]",
                                                  "%31%32%37.0.0.1",
                                                  "127%2e0%2e0%2e1",
                                                  "127.0.0.1%00.example.org",
                                                  "127.0.0.1%2f",
                                                  "127.0.0.1%23",
                                                  "%6cocalhost",
                                                  "①②⑦.⓪.⓪.①",
                                                  "127。0。0。1",
                                                  "127．0．0．1",
                                                  "127｡0｡0｡1",
                                                  "１２７.0.0.1",
                                                  "ｌｏｃａｌｈｏｓｔ",
                                                  "locaⓛhost",
                                                  "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
                                                  "local\u00ADhost",
                                                  "10.0.0.1",
                                                  "10.255.255.255",
                                                  "192.168.0.1",
                                                  "172.16.0.1",
                                                  "172.31.255.255",
                                                  "169.254.169.254",
                                                  "169.254.170.2",
                                                  "2852039166",
                                                  "0xa9fea9fe",
                                                  "0251.0376.0251.0376",
                                                  "100.64.0.1",
                                                  "100.100.100.200",
                                                  "192.0.0.1",
                                                  "192.0.0.170",
                                                  "192.0.2.1",
                                                  "192.88.99.1",
                                                  "198.18.0.1",
                                                  "198.19.255.255",
                                                  "198.51.100.1",
                                                  "203.0.113.1",
                                                  "224.0.0.1",
                                                  "239.255.255.250",
                                                  "240.0.0.1",
                                                  "255.255.255.255",
                                                  "0.255.255.255"};
  return kHosts;
}

/// Whole URLs, whose host depends on who reads them. {} is the canary's port.
const std::vector<std::string>& odd_urls() {
  static const std::vector<std::string> kUrls = {"http://a@127.0.0.1:{}/",
                                                 "http://a:b@127.0.0.1:{}/",
                                                 "http://@127.0.0.1:{}/",
                                                 "http://:@127.0.0.1:{}/",
                                                 "http://a.invalid@127.0.0.1:{}/",
                                                 "http://a.invalid:80@127.0.0.1:{}/",
                                                 "http://127.0.0.1:{}#@a.invalid/",
                                                 "http://127.0.0.1:{}?@a.invalid/",
                                                 "http://127.0.0.1:{}\\@a.invalid/",
                                                 "http://a.invalid\\@127.0.0.1:{}/",
                                                 "http://a.invalid#@127.0.0.1:{}/",
                                                 "http://127.0.0.1:{}@127.0.0.1:{}/",
                                                 "http:127.0.0.1:{}/",
                                                 "http:/127.0.0.1:{}/",
                                                 "http:///127.0.0.1:{}/",
                                                 "http:////127.0.0.1:{}/",
                                                 "http:\\\\127.0.0.1:{}/",
                                                 "http:/\\127.0.0.1:{}/",
                                                 " http://127.0.0.1:{}/",
                                                 "\thttp://127.0.0.1:{}/",
                                                 "\r\nhttp://127.0.0.1:{}/",
                                                 "http://127.0.0.1\t:{}/",
                                                 "http://127.0.0.1 :{}/",
                                                 "http://127.0.0.1:{}\t/",
                                                 "http://127.0.0.1\r\n:{}/",
                                                 "http://127.0.0.1:{}/\r\nHost: a.invalid",
                                                 "http://127.0.0.1:{}/ HTTP/1.1\r\nX: y",
                                                 "ht\ttp://127.0.0.1:{}/",
                                                 "HTTP://127.0.0.1:{}/",
                                                 "hTTps://127.0.0.1:{}/",
                                                 "//127.0.0.1:{}/",
                                                 "127.0.0.1:{}",
                                                 "localhost:{}/",
                                                 "http://127.0.0.1:+{}/",
                                                 "http://127.0.0.1:0{}/",
                                                 "http://127.0.0.1:000000{}/",
                                                 "http://127.0.0.1::{}/",
                                                 "http://127.0.0.1:{}:80/",
                                                 "http://[::1]:{}/",
                                                 "http://[::1]{}/",
                                                 "http://[::1:{}/",
                                                 "http://::1:{}/",
                                                 "http://[127.0.0.1]:{}/",
                                                 "http://127.0.0.1;:{}/",
                                                 "http://127.0.0.1,a.invalid:{}/",
                                                 "http://a.invalid,127.0.0.1:{}/",
                                                 "ftp://127.0.0.1:{}/",
                                                 "ftps://127.0.0.1:{}/",
                                                 "gopher://127.0.0.1:{}/_GET",
                                                 "dict://127.0.0.1:{}/",
                                                 "ldap://127.0.0.1:{}/",
                                                 "telnet://127.0.0.1:{}/",
                                                 "ws://127.0.0.1:{}/",
                                                 "smb://127.0.0.1:{}/x",
                                                 "tftp://127.0.0.1:{}/x",
                                                 "rtsp://127.0.0.1:{}/",
                                                 "mqtt://127.0.0.1:{}/",
                                                 "smtp://127.0.0.1:{}/",
                                                 "imap://127.0.0.1:{}/",
                                                 "pop3://127.0.0.1:{}/",
                                                 "sftp://127.0.0.1:{}/x",
                                                 "scp://127.0.0.1:{}/x",
                                                 "file://127.0.0.1:{}/etc/hostname",
                                                 "file:///etc/hostname",
                                                 "jar:http://127.0.0.1:{}/!/",
                                                 "url:http://127.0.0.1:{}/",
                                                 "view-source:http://127.0.0.1:{}/",
                                                 "data:text/plain,http://127.0.0.1:{}/",
                                                 "http+unix://127.0.0.1:{}/",
                                                 "javascript://127.0.0.1:{}/",
                                                 "http://127.0.0.1.nip.io@127.0.0.1:{}/"};
  return kUrls;
}

std::string with_port(std::string text, const std::string& port) {
  for (std::size_t at = 0; (at = text.find("{}")) != std::string::npos;) text.replace(at, 2, port);
  return text;
}

std::set<std::string> all_urls(const std::string& port) {
  std::set<std::string> urls;
  std::vector<std::string> hosts = odd_hosts();
  for (const std::uint32_t address : {0x7F000001U, 0x7F010203U, 0x00000000U, 0x0A000001U, 0xA9FEA9FEU}) {
    const auto forms = quads(address);
    hosts.insert(hosts.end(), forms.begin(), forms.end());
  }
  for (const auto& host : hosts) {
    urls.insert("http://" + host + ":" + port + "/");
    urls.insert("https://" + host + ":" + port + "/x?y=1");
  }
  for (const auto& url : odd_urls()) urls.insert(with_port(url, port));
  for (const std::size_t at : {7u, 8u, 16u, 21u}) {  // NUL in the scheme, the host, before and behind the port
    std::string url = "http://127.0.0.1:" + port + "/";
    url.insert(std::min<std::size_t>(at, url.size()), 1, '\0');
    urls.insert(url);
  }
  return urls;
}

TEST_F(Egress, DialsNothingThatIsNotAllowedHoweverItIsSpelt) {
  Receiver canary(kOk);
  const auto urls = all_urls(canary.port());
  EXPECT_GE(urls.size(), 300u);
  std::vector<std::pair<std::string, std::future<Result<ports::HttpReply>>>> sent;
  for (const auto& url : urls) {
    sent.emplace_back(url, boost::asio::co_spawn(io.next(), strict.send(post(url)), boost::asio::use_future));
  }
  for (auto& [url, reply] : sent) EXPECT_FALSE(reply.get()) << url;
  EXPECT_EQ(canary.connections(), 0);
  EXPECT_EQ(code_of(send(strict, post("http://localhost:" + canary.port()))), ErrorCode::forbidden);
  EXPECT_EQ(code_of(send(strict, post("http://10.0.0.1:" + canary.port()))), ErrorCode::forbidden);

  // The canary does sing: the same spellings reach it where they may.
  EXPECT_TRUE(send(home, post("http://0x7f.1:" + canary.port())));
  EXPECT_TRUE(send(home, post("http://[::1]:" + canary.port())));
  EXPECT_TRUE(send(home, post("http://localhost:" + canary.port())));
  EXPECT_EQ(canary.connections(), 3);
}

TEST_F(Egress, TakesNoRouteThatTheEnvironmentNames) {
  Receiver proxy(kOk);
  Receiver target(kOk);
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    setenv(name, proxy.url().c_str(), 1);
  }
  unsetenv("no_proxy");
  EXPECT_TRUE(send(home, post(target.url())));
  EXPECT_EQ(code_of(send(strict, post("http://10.0.0.1/"))), ErrorCode::forbidden);
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) unsetenv(name);
  EXPECT_EQ(proxy.connections(), 0);
  EXPECT_EQ(target.connections(), 1);
  EXPECT_EQ(target.last_request().find("Authorization"), std::string::npos);
}

}  // namespace
}  // namespace hekto::egress
