// SPDX-License-Identifier: Apache-2.0
// A name server that lies. This program answers getaddrinfo itself, with the addresses that a test has set for a name,
// a different set each time if it likes: what a name server with a TTL of 0 can do to a program that looks names up
// twice. All else is real: libcurl, its sockets, and the receivers. 127.0.0.2 stands for a host on the internet, being
// the one address that is allowed.
#include <future>
#include <map>
#include <mutex>
#include <netdb.h>

#include "tests/support/egress_fixture.h"

namespace {

std::mutex answers_mutex;
std::map<std::string, std::vector<std::vector<std::string>>> answers;  // guarded by answers_mutex: the last one stays
int looked_up = 0;                                                     // guarded by answers_mutex

std::vector<std::string> next_answer(const std::string& name) {
  std::scoped_lock lock(answers_mutex);
  ++looked_up;
  const auto found = answers.find(name);
  if (found == answers.end()) return {};
  auto answer = found->second.front();
  if (found->second.size() > 1) found->second.erase(found->second.begin());
  return answer;
}

struct Entry {
  addrinfo info{};
  sockaddr_storage address{};
};

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** out) {
  addrinfo* first = nullptr;
  const auto all = next_answer(node == nullptr ? "" : node);
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    auto entry = std::make_unique<Entry>();
    const auto port = htons(static_cast<std::uint16_t>(service == nullptr ? 0 : std::atoi(service)));
    auto* four = reinterpret_cast<sockaddr_in*>(&entry->address);
    auto* six = reinterpret_cast<sockaddr_in6*>(&entry->address);
    if (inet_pton(AF_INET, it->c_str(), &four->sin_addr) == 1) {
      four->sin_family = AF_INET;
      four->sin_port = port;
      entry->info.ai_addrlen = sizeof(*four);
    } else if (inet_pton(AF_INET6, it->c_str(), &six->sin6_addr) == 1) {
      six->sin6_family = AF_INET6;
      six->sin6_port = port;
      entry->info.ai_addrlen = sizeof(*six);
    }
    entry->info.ai_family = entry->address.ss_family;
    entry->info.ai_socktype = hints != nullptr ? hints->ai_socktype : SOCK_STREAM;
    entry->info.ai_addr = reinterpret_cast<sockaddr*>(&entry->address);
    entry->info.ai_next = first;
    first = &entry.release()->info;
  }
  *out = first;
  return first == nullptr ? EAI_NONAME : 0;
}

extern "C" void freeaddrinfo(addrinfo* list) {
  while (list != nullptr) {
    addrinfo* next = list->ai_next;
    delete reinterpret_cast<Entry*>(list);
    list = next;
  }
}

namespace hekto::egress {
namespace {

using test::code_of;
using test::Receiver;

class Names : public Egress {
 protected:
  ~Names() override { EXPECT_GT(lookups(), 0) << "libcurl did not ask this program"; }
  static void say(const std::string& name, std::vector<std::vector<std::string>> all) {
    std::scoped_lock lock(answers_mutex);
    answers[name] = std::move(all);
  }
  static int lookups() {
    std::scoped_lock lock(answers_mutex);
    return looked_up;
  }
  std::string url(const std::string& name) const { return "http://" + name + ":" + receiver.port() + "/"; }

  Receiver receiver{kOk};
  CurlClient careful{EgressPolicy{*NetworkList::parse({"127.0.0.2/32"}), false}};
};

TEST_F(Names, ThatChangeTheirAddressAllTheTimeNeverLeadToAForbiddenOne) {
  constexpr int kTimes = 2000;
  std::vector<std::future<Result<ports::HttpReply>>> sent;
  int reached = 0;
  const auto collect = [&] {
    for (auto& each : sent) reached += each.get() ? 1 : 0;
    sent.clear();
  };
  for (int i = 0; i < kTimes; ++i) {
    // A name of its own each time, lest libcurl remember the last answer.
    const std::string name = "n" + std::to_string(i) + ".rebind.test";
    if (i % 2 == 0) {
      say(name, {{"127.0.0.2"}, {"127.0.0.1"}});
    } else {
      say(name, {{"127.0.0.1"}, {"127.0.0.2"}});
    }
    sent.push_back(boost::asio::co_spawn(io.next(), careful.send(post(url(name))), boost::asio::use_future));
    if (sent.size() == 50) collect();
  }
  collect();
  EXPECT_EQ(reached, kTimes / 2) << "those whose one look-up gave the allowed address";
  EXPECT_EQ(receiver.connections_to("127.0.0.2"), kTimes / 2);
  EXPECT_EQ(receiver.connections(), kTimes / 2) << "the rest went nowhere";
}

TEST_F(Names, WithSeveralAddressesLeadToTheAllowedOnesAlone) {
  const std::vector<std::vector<std::string>> mixed = {
      {"127.0.0.1", "127.0.0.2"},
      {"127.0.0.2", "127.0.0.1"},
      {"::1", "127.0.0.2"},
      {"127.0.0.2", "::1"},
      {"::ffff:127.0.0.1", "::1", "10.0.0.1", "127.0.0.2"},
      {"fe80::1", "fc00::1", "169.254.169.254", "127.0.0.2"},
  };
  int index = 0;
  for (const auto& answer : mixed) {
    const std::string name = "m" + std::to_string(index++) + ".mixed.test";
    say(name, {answer});
    EXPECT_TRUE(send(careful, post(url(name)))) << name;
  }
  EXPECT_EQ(receiver.connections(), static_cast<int>(mixed.size()));
  EXPECT_EQ(receiver.connections_to("127.0.0.2"), static_cast<int>(mixed.size()));
}

TEST_F(Names, WithForbiddenAddressesAloneAreRefused) {
  const std::vector<std::vector<std::string>> inner = {
      {"127.0.0.1"},        {"::1"},
      {"127.0.0.1", "::1"}, {"::ffff:127.0.0.1"},
      {"0.0.0.0"},          {"::"},
      {"10.0.0.1"},         {"192.168.1.1", "172.16.0.1", "100.64.0.1"},
      {"169.254.169.254"},  {"64:ff9b::7f00:1"}};
  int index = 0;
  for (const auto& answer : inner) {
    const std::string name = "i" + std::to_string(index++) + ".inner.test";
    say(name, {answer});
    const auto reply = send(careful, post(url(name)));
    ASSERT_FALSE(reply) << name;
    EXPECT_EQ(reply.error().code, ErrorCode::forbidden) << name;
    EXPECT_EQ(reply.error().message, "the address is not allowed");
  }
  EXPECT_EQ(code_of(send(careful, post(url("unknown.test")))), ErrorCode::unavailable);
  EXPECT_EQ(receiver.connections(), 0);
}

}  // namespace
}  // namespace hekto::egress
