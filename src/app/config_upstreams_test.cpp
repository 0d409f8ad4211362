// SPDX-License-Identifier: Apache-2.0
#include "app/config_upstreams.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config.h"
#include "app/config_hooks.h"

namespace hekto::app {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

class UpstreamsConfig : public testing::Test {
 protected:
  UpstreamsConfig() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hekto-upstreams-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~UpstreamsConfig() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  Result<Config> load(const std::string& text, const Variables& variables = {},
                      const std::map<std::string, std::vector<std::string>>& flags = {}) {
    return load_config(write("hekto.yaml", text), flags, [&](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }
  std::string error_of(const std::string& text, const Variables& variables = {}) {
    const auto config = load(text, variables);
    return config ? "no error" : config.error().message;
  }

  std::filesystem::path folder_;
};

TEST_F(UpstreamsConfig, AreNoneByDefault) { EXPECT_TRUE(load("")->upstreams.empty()); }

TEST_F(UpstreamsConfig, AreLeftAloneByCommandsThatLookAfterAServer) {
  const auto ran = folder_ / "ran";
  const auto file =
      write("hekto.yaml", "data: /d\nupstreams:\n  replicate:\n  other:\n    accounts:\n      - token_command: touch " +
                              ran.string() + "\n      - token_env: ONLY_THE_SERVER_HAS_IT\n");
  const auto none = [](const std::string&) { return std::nullopt; };
  const auto config = load_config(file, {}, none, ConfigFor::administration);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->data, "/d");
  EXPECT_TRUE(config->upstreams.empty());
  EXPECT_FALSE(std::filesystem::exists(ran)) << "a token was fetched";
  EXPECT_FALSE(load_config(file, {}, none, ConfigFor::serving));
}

TEST_F(UpstreamsConfig, AreReadWhole) {
  const auto ca_file = write("ca.pem", "-----BEGIN CERTIFICATE-----\n").string();
  const auto config = load(R"(
upstreams:
  replicate:
    url: https://api.replicate.com/v1/
    ca_file: )" + ca_file + R"(
    accounts:
      - {name: main, token: r8_one, weight: 2, concurrency: 10, creates_per_minute: 60, others_per_minute: 300}
      - {token_env: SECOND}
    models: ["*/*"]
    deny: [acme/secret]
    names: {my/flux: black-forest-labs/flux-schnell}
    submit: queued
    submit_limit: 30s
    idempotent: true
    priority: 3
    concurrency: 100
    model_concurrency: {"owner/*": 2}
    outputs: pass
    file_hosts: [files.example, "*.files.example"]
    stream_hosts: streams.example
    streams: 10
    max_output: 1MiB
    time_limit: 1h
    webhooks: off
    safety_poll: 30s
)",
                           {{"SECOND", "r8_two"}});
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->upstreams.size(), 1u);
  const auto& upstream = config->upstreams[0];
  EXPECT_EQ(upstream.url, "https://api.replicate.com");
  EXPECT_EQ(upstream.ca_file, ca_file);
  ASSERT_EQ(upstream.accounts.size(), 2u);
  EXPECT_EQ(upstream.accounts[0].name, "main");
  EXPECT_EQ(upstream.accounts[0].token.reveal(), "r8_one");
  EXPECT_EQ(upstream.accounts[0].weight, 2);
  EXPECT_EQ(upstream.accounts[0].concurrency, 10u);
  EXPECT_EQ(upstream.accounts[0].creates, 60);
  EXPECT_EQ(upstream.accounts[0].others, 300);
  EXPECT_EQ(upstream.accounts[1].name, "account-2");
  EXPECT_EQ(upstream.accounts[1].token.reveal(), "r8_two");
  EXPECT_EQ(upstream.deny, std::vector<std::string>{"acme/secret"});
  EXPECT_EQ(upstream.names.at("my/flux"), "black-forest-labs/flux-schnell");
  EXPECT_TRUE(upstream.queued);
  EXPECT_EQ(upstream.submit_limit, 30s);
  EXPECT_TRUE(upstream.idempotent);
  EXPECT_EQ(upstream.priority, 3);
  EXPECT_EQ(upstream.concurrency, 100u);
  EXPECT_EQ(upstream.model_concurrency, (std::vector<std::pair<std::string, std::size_t>>{{"owner/*", 2}}));
  EXPECT_FALSE(upstream.rehost);
  EXPECT_EQ(upstream.file_hosts.size(), 2u);
  EXPECT_EQ(upstream.stream_hosts, std::vector<std::string>{"streams.example"});
  EXPECT_EQ(upstream.streams, 10u);
  EXPECT_EQ(upstream.max_output, std::size_t{1} << 20);
  EXPECT_EQ(upstream.time_limit, 1h);
  EXPECT_EQ(upstream.webhooks, runners::replicate::UpstreamOptions::Webhooks::off);
  EXPECT_EQ(upstream.safety_poll, 30s);
}

TEST_F(UpstreamsConfig, TakeTokensFromFilesAndCommands) {
  const auto file = write("token", "r8_of_file\n").string();
  const auto config = load("upstreams:\n  a:\n    accounts:\n      - token_file: " + file +
                           "\n      - token_command: printf ' r8_of_command\\n'\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->upstreams[0].accounts[0].token.reveal(), "r8_of_file");
  EXPECT_EQ(config->upstreams[0].accounts[1].token.reveal(), "r8_of_command");
}

TEST_F(UpstreamsConfig, ATokenInTheEnvironmentIsEnough) {
  const auto config = load("", {{"REPLICATE_API_TOKEN", "r8_token"}});
  ASSERT_EQ(config->upstreams.size(), 1u);
  EXPECT_EQ(config->upstreams[0].name, "replicate");
  EXPECT_EQ(config->upstreams[0].url, "https://api.replicate.com");
  EXPECT_EQ(config->upstreams[0].accounts[0].token.reveal(), "r8_token");
}

TEST_F(UpstreamsConfig, ItsUrlMayBeGivenByFlagVariableAndFile) {
  const Variables token = {{"REPLICATE_API_TOKEN", "hk-other"},
                           {"HEKTO_REPLICATE_URL", "http://127.0.0.1:1/replicate/"}};
  EXPECT_EQ(load("", token)->upstreams[0].url, "http://127.0.0.1:1/replicate");
  EXPECT_EQ(load("", token, {{"replicate_url", {"http://127.0.0.1:2"}}})->upstreams[0].url, "http://127.0.0.1:2");
  EXPECT_EQ(load("upstreams:\n  replicate:\n    url: http://127.0.0.1:3/v1\n", {{"REPLICATE_API_TOKEN", "t"}})
                ->upstreams[0]
                .url,
            "http://127.0.0.1:3");
}

TEST_F(UpstreamsConfig, AKeyOfOursIsNoTokenForTheOfficialService) {
  EXPECT_TRUE(load("", {{"REPLICATE_API_TOKEN", "hk-a-clients-key"}})->upstreams.empty());
}

TEST_F(UpstreamsConfig, ErrorsNameTheLineAndNeverTheToken) {
  const std::map<std::string, std::string> wrong = {
      {"upstreams: 3\n", "hekto.yaml:1: 'upstreams' is a section"},
      {"upstreams:\n  a:\n    urls: x\n", "hekto.yaml:3: unknown key 'urls' in upstream a; did you mean 'url'?"},
      {"upstreams:\n  a:\n    url: ftp://x\n", "hekto.yaml:3: upstream a: url expects an http or https URL"},
      {"upstreams:\n  a:\n    url: https://user:pw@x\n", "url expects an http or https URL without user name"},
      {"upstreams:\n  a:\n    models: [flux]\n", "models expects a pattern"},
      {"upstreams:\n  a:\n    submit: later\n", "submit expects one of queued|wait"},
      {"upstreams:\n  a:\n    accounts:\n      - name: x\n", "an account needs a token"},
      {"upstreams:\n  a:\n    accounts:\n      - token: ''\n", "token is empty"},
      {"upstreams:\n  a:\n    accounts:\n      - token_env: NOT_SET\n", "names a variable that is not set: NOT_SET"},
      {"upstreams:\n  a:\n    accounts:\n      - token_file: /none\n", "cannot be read: /none"},
      {"upstreams:\n  a:\n    ca_file: /none\n", ":3: upstream a: ca_file cannot be read: /none"},
      {"upstreams:\n  a:\n    ca_file: /dev/null\n", "ca_file holds no PEM certificate: /dev/null"},
      {"upstreams:\n  a:\n    accounts:\n      - token_command: exit 3\n", "token_command failed"},
      {"upstreams:\n  a:\n    accounts:\n      - {token: x, token_env: Y}\n", "is given beside another source"},
      {"upstreams:\n  a:\n    accounts:\n      - {name: n, token: x}\n      - {name: n, token: y}\n",
       "two accounts are called 'n'"},
      {"upstreams:\n  a:\n    webhooks: yes\n", "webhooks expects one of auto|on|off"},
      {"upstreams:\n  a:\n    safety_poll: 1ms\n", "safety_poll is out of range"},
      {"upstreams:\n  a:\n    webhooks: on\n    accounts: [{token: x}]\n", "but public_url is not set"},
      {"upstreams:\n  a:\n    concurrency: many\n", "concurrency expects"},
      {"upstreams:\n  a:\n", "the upstream 'a' has no account"},
      {"upstreams:\n  replicate:\n", "or set REPLICATE_API_TOKEN"},
  };
  for (const auto& [text, message] : wrong) EXPECT_THAT(error_of(text), HasSubstr(message)) << text;
  const auto error = error_of("upstreams:\n  a:\n    accounts:\n      - token: 'r8 secret'\n");
  EXPECT_THAT(error, HasSubstr("token is no token"));
  EXPECT_EQ(error.find("secret"), std::string::npos);
}

TEST_F(UpstreamsConfig, CallWebhooksWhereThisServerCanBeReached) {
  const auto url = [&](const std::string& public_url, const std::string& webhooks) {
    const auto config = load((public_url.empty() ? "" : "public_url: " + public_url + "\n") +
                             "upstreams:\n  a:\n    accounts: [{token: x}]\n    webhooks: " + webhooks + "\n");
    return config ? config->upstreams[0].webhook_url : config.error().message;
  };
  EXPECT_EQ(url("", "auto"), "");
  EXPECT_EQ(url("https://hekto.example", "auto"), "https://hekto.example/upstream-webhooks/");
  EXPECT_EQ(url("https://hekto.example", "off"), "");
  EXPECT_EQ(url("http://127.0.0.1:8080", "auto"), "");
  EXPECT_EQ(url("http://127.0.0.1:8080", "on"), "http://127.0.0.1:8080/upstream-webhooks/");
}

TEST_F(UpstreamsConfig, AddressesOfPrivateNetworksAreNotPublic) {
  for (const char* there :
       {"https://hekto.example", "https://hekto.example:8443", "https://9.9.9.9", "https://[2620:fe::fe]:443"}) {
    EXPECT_TRUE(is_public_origin(there)) << there;
  }
  for (const char* not_there :
       {"", "http://hekto.example", "https://localhost", "https://hekto", "https://a.localhost:8443",
        "https://printer.local", "https://127.0.0.1", "https://10.1.2.3:8443", "https://[::1]",
        "https://[fd00::1]:8443", "https://hekto.internal"}) {
    EXPECT_FALSE(is_public_origin(not_there)) << not_there;
  }
}

TEST_F(UpstreamsConfig, BaseUrlsLoseWhatEveryPathBeginsWith) {
  EXPECT_EQ(*parse_base_url("https://API.example:443/"), "https://api.example");
  EXPECT_EQ(*parse_base_url("http://127.0.0.1:8080/replicate/v1/"), "http://127.0.0.1:8080/replicate");
  EXPECT_FALSE(parse_base_url("https://api.example/?a=b"));
}

}  // namespace
}  // namespace hekto::app
