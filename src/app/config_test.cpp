// SPDX-License-Identifier: Apache-2.0
#include "app/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config_values.h"
#include "app/suggest.h"

namespace hekto::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

using Flags = std::map<std::string, std::vector<std::string>>;
using Variables = std::map<std::string, std::string>;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hekto-config-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file(const std::string& text) {
    const auto path = folder_ / "hekto.yaml";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  /// `text` empty: a file with nothing in it, so that no hekto.yaml of the working folder takes part.
  Result<Config> load(const std::string& text, const Flags& flags = {}, const Variables& variables = {}) {
    return load_config(file(text), flags, [&](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }
  std::string error_of(const std::string& text, const Flags& flags = {}, const Variables& variables = {}) {
    const auto config = load(text, flags, variables);
    if (config) return "no error";
    EXPECT_EQ(config.error().code, ErrorCode::invalid_input);
    return config.error().message;
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigTest, GivesTheDefaultsWhenNothingIsSet) {
  const auto config = load("");

  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->data, "./hekto-data");
  EXPECT_THAT(config->listen, ElementsAre("127.0.0.1:8080"));
  EXPECT_EQ(config->link_lifetime, 1h);
  EXPECT_EQ(config->max_json_body, 16U << 20);
}

TEST_F(ConfigTest, ReadsEveryKindOfValueFromTheFile) {
  const auto config = load(R"(
data: /var/lib/hekto
listen: ["127.0.0.1:0", "[::1]:8080"]
public_url: HTTPS://Hekto.Example:8443/
tls: {certificate: a.pem, key: b.pem}
trusted_proxies:
  - 10.0.0.0/8
  - ::1
models: extra
log:
  level: debug
  format: text
  access: off
limits:
  body_bytes: 32MiB
  head_timeout: 1500ms
rate_limits:
# creates: 5
sandbox: {speed: 2.5}
predictions: {concurrency: 7, time_limit: 1h30m}
)");

  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->data, "/var/lib/hekto");
  EXPECT_THAT(config->listen, ElementsAre("127.0.0.1:0", "[::1]:8080"));
  EXPECT_EQ(config->public_url, "https://hekto.example:8443");
  EXPECT_EQ(config->tls_key, "b.pem");
  EXPECT_THAT(config->trusted_proxies, ElementsAre("10.0.0.0/8", "::1"));
  EXPECT_THAT(config->models, ElementsAre(std::filesystem::path("extra")));
  EXPECT_EQ(config->log_level, log::Level::debug);
  EXPECT_EQ(config->log_format, log::Format::text);
  EXPECT_EQ(config->access_log, AccessLog::off);
  EXPECT_EQ(config->max_json_body, 32U << 20);
  EXPECT_EQ(config->limits.head_timeout, 1500ms);
  EXPECT_EQ(config->sandbox_speed, 2.5);
  EXPECT_EQ(config->concurrency, 7U);
  EXPECT_EQ(config->time_limit, 90min);
  EXPECT_EQ(config->rate_creates, 600);
}

TEST_F(ConfigTest, PrefersFlagOverEnvironmentOverFileOverDefault) {
  const std::string text = "links:\n  lifetime: 10m\nthreads: 2\n";
  const Variables variables{{"HEKTO_LINKS_LIFETIME", "20m"}, {"HEKTO_THREADS", "3"}};

  EXPECT_EQ(load(text)->link_lifetime, 10min);
  EXPECT_EQ(load(text, {}, variables)->link_lifetime, 20min);
  EXPECT_EQ(load(text, {{"links.lifetime", {"30m"}}}, variables)->link_lifetime, 30min);
  EXPECT_EQ(load(text, {{"links.lifetime", {"30m"}}}, variables)->threads, 3U);
}

TEST_F(ConfigTest, ReplacesAListAsAWhole) {
  const std::string text = "listen: [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n";

  EXPECT_THAT(load(text, {}, {{"HEKTO_LISTEN", "0.0.0.0:3, [::]:4"}})->listen, ElementsAre("0.0.0.0:3", "[::]:4"));
  EXPECT_THAT(load(text, {{"listen", {"127.0.0.1:5", "127.0.0.1:6"}}})->listen,
              ElementsAre("127.0.0.1:5", "127.0.0.1:6"));
  EXPECT_THAT(load("trusted_proxies: none\n")->trusted_proxies, IsEmpty());
  EXPECT_THAT(load("trusted_proxies: []\n")->trusted_proxies, IsEmpty());
}

TEST_F(ConfigTest, TreatsAnEmptyVariableAsUnset) {
  EXPECT_EQ(load("threads: 2\n", {}, {{"HEKTO_THREADS", ""}})->threads, 2U);
}

TEST_F(ConfigTest, FindsTheFileThroughItsVariable) {
  const auto path = file("threads: 9\n");

  const auto config = load_config({}, {}, [&](const std::string& name) -> std::optional<std::string> {
    return name == "HEKTO_CONFIG" ? std::optional(path.string()) : std::nullopt;
  });

  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->threads, 9U);
}

TEST_F(ConfigTest, RefusesAFileThatIsNotThere) {
  const auto config = load_config(folder_ / "none.yaml", {}, [](const std::string&) { return std::nullopt; });

  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("none.yaml"));
}

TEST_F(ConfigTest, NamesTheLineOfAnUnknownKeyAndWhatWasMeant) {
  EXPECT_THAT(error_of("data: x\nlisen: a\n"), EndsWith("hekto.yaml:2: unknown key 'lisen'; did you mean 'listen'?"));
  EXPECT_THAT(error_of("links:\n\n  lifetme: 1h\n"),
              EndsWith("hekto.yaml:3: unknown key 'links.lifetme'; did you mean 'lifetime'?"));
  EXPECT_THAT(error_of("concurrency: 4\n"),
              EndsWith("unknown key 'concurrency'; did you mean 'concurrency:' under 'predictions:'?"));
  EXPECT_THAT(error_of("links.lifetime: 1h\n"),
              EndsWith(":1: unknown key 'links.lifetime'; write 'lifetime:' under 'links:'"));
  EXPECT_THAT(error_of("zebra: 1\n"), EndsWith(":1: unknown key 'zebra'"));
}

TEST_F(ConfigTest, RefusesAKeyThatIsGivenTwice) {
  EXPECT_THAT(error_of("threads: 1\ndata: x\nthreads: 2\n"), EndsWith("hekto.yaml:3: 'threads' is given twice"));
  EXPECT_THAT(error_of("log:\n  level: info\nlog:\n  format: text\n"), EndsWith("hekto.yaml:3: 'log' is given twice"));
  EXPECT_THAT(error_of("log:\n  level: info\n  level: warn\n"), EndsWith(":3: 'log.level' is given twice"));
}

TEST_F(ConfigTest, NamesTheLineAndWhatIsExpectedOfAWrongType) {
  EXPECT_THAT(error_of("\nthreads: many\n"), EndsWith("hekto.yaml:2: threads expects a whole number, got 'many'"));
  EXPECT_THAT(error_of("threads: -1\n"), EndsWith(":1: threads expects a whole number, got '-1'"));
  EXPECT_THAT(error_of("threads: [1]\n"), EndsWith(":1: threads expects NUMBER, got a list"));
  EXPECT_THAT(error_of("data:\n  a: b\n"), EndsWith(": data expects DIR, got a section"));
  EXPECT_THAT(error_of("threads: 1\ndata:\n"), EndsWith(":2: data expects DIR, got nothing"));
  EXPECT_THAT(error_of("log: debug\n"), EndsWith(":1: 'log' is a section: put its keys below it, indented"));
  EXPECT_THAT(error_of("links:\n  lifetime: soon\n"), HasSubstr(":2: links.lifetime expects a duration"));
  EXPECT_THAT(error_of("limits:\n  body_bytes: 3 cups\n"), HasSubstr(":2: limits.body_bytes expects a size"));
  EXPECT_THAT(error_of("log:\n  access: some\n"), EndsWith("expects one of off|changes|all, got 'some'"));
  EXPECT_THAT(error_of("sandbox:\n  speed: fast\n"), HasSubstr(":2: sandbox.speed expects a number"));
  EXPECT_THAT(error_of("listen:\n  - 127.0.0.1:1\n  - nonsense\n"),
              HasSubstr("hekto.yaml:3: listen expects HOST:PORT"));
  EXPECT_THAT(error_of("listen:\n  - [a]\n"), HasSubstr(":2: listen expects HOST:PORT or a list of them, got a list"));
  EXPECT_THAT(error_of("trusted_proxies: 10.0.0.0/33\n"), HasSubstr(":1: trusted_proxies expects an address or block"));
  for (const char* bad : {"0", "65536", "2-1", "-1", "1-", "http", "1-2-3"}) {
    EXPECT_THAT(error_of("egress:\n  ports: " + std::string(bad) + "\n"),
                HasSubstr(":2: egress.ports expects a port or a range"));
  }
  EXPECT_THAT(load("egress:\n  ports: [443, 8000-8100]\n")->egress_ports, ElementsAre("443", "8000-8100"));
}

TEST_F(ConfigTest, RefusesWhatIsNoYamlMapping) {
  EXPECT_THAT(error_of("a: [1\nb: 2\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(error_of("just words\n"), EndsWith(":1: expected lines of the form 'key: value'"));
  EXPECT_THAT(error_of("threads: 1\n---\nthreads: 2\n"), HasSubstr("a second YAML document"));
  EXPECT_THAT(error_of("? [a]\n: b\n"), EndsWith(":1: a key must be a plain word"));
}

TEST_F(ConfigTest, NamesTheVariableOrTheFlagThatIsWrong) {
  EXPECT_EQ(error_of("", {}, {{"HEKTO_THREADS", "x"}}), "HEKTO_THREADS expects a whole number, got 'x'");
  EXPECT_EQ(error_of("", {{"limits.head_timeout", {"x"}}}),
            "--limits-head-timeout expects a duration such as 90s, 1h30m or 30d, got 'x'");
  EXPECT_EQ(error_of("", {{"threads", {"1", "2"}}}), "--threads takes exactly one value");
}

TEST_F(ConfigTest, ChecksAValueThatAStrongerSourceOverrides) {
  EXPECT_THAT(error_of("threads: x\n", {{"threads", {"1"}}}), HasSubstr("hekto.yaml:1: threads expects"));
}

TEST_F(ConfigTest, HoldsValuesWithinTheirRanges) {
  EXPECT_THAT(error_of("links:\n  lifetime: 0s\n"),
              EndsWith("hekto.yaml:2: links.lifetime must be from 1s to 30d, got '0s'"));
  EXPECT_THAT(error_of("links: {lifetime: 31d}\nretention: {after: 60d}\n"), HasSubstr("must be from 1s to 30d"));
  EXPECT_THAT(error_of("threads: 257\n"), HasSubstr("must be from 0 to 256"));
  EXPECT_THAT(error_of("limits: {head_bytes: 2MiB}\n"), HasSubstr("must be from 1KiB to 1MiB, got '2MiB'"));
  EXPECT_THAT(error_of("predictions: {concurrency: 0}\n"), HasSubstr("must be from 1 to"));
  EXPECT_THAT(error_of("sandbox: {speed: 1001}\n"), HasSubstr("must be from 0 to 1000"));
  EXPECT_TRUE(load("links: {lifetime: 30d}\nretention: {after: 30d}\n"));
}

TEST_F(ConfigTest, RefusesLinksThatOutliveTheirFiles) {
  EXPECT_THAT(error_of("links:\n  lifetime: 2h\n"),
              HasSubstr("hekto.yaml:2: links.lifetime does not fit: links.lifetime is 2h, but the files behind the "
                        "links are removed after 1h (retention.after)"));
  EXPECT_THAT(error_of("", {}, {{"HEKTO_RETENTION_AFTER", "30m"}}), HasSubstr("HEKTO_RETENTION_AFTER does not fit"));
  EXPECT_TRUE(load("links: {lifetime: 2h}\nretention: {after: 2h}\n"));
}

TEST_F(ConfigTest, WantsCertificateAndKeyTogether) {
  EXPECT_THAT(error_of("tls:\n  key: k.pem\n"), EndsWith(":2: tls.key is set without tls.certificate: TLS needs both"));
  EXPECT_THAT(error_of("", {{"tls.certificate", {"c.pem"}}}), HasSubstr("--tls-certificate is set without tls.key"));
}

TEST_F(ConfigTest, RefusesAListenListThatIsEmptyOrRepeatsItself) {
  EXPECT_THAT(error_of("listen: []\n"), EndsWith(":1: listen must name at least one address"));
  EXPECT_THAT(error_of("listen: [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n"), EndsWith("listen names '127.0.0.1:1' twice"));
}

TEST_F(ConfigTest, RefusesATargetLimitAboveTheHeadLimit) {
  EXPECT_THAT(error_of("limits:\n  target_bytes: 17KiB\n"), HasSubstr(":2: limits.target_bytes is 17KiB, more than"));
}

TEST(ConfigValues, AcceptOnlyOriginsAsPublicUrl) {
  EXPECT_EQ(parse_origin("https://h.example").value(), "https://h.example");
  EXPECT_EQ(parse_origin("http://[::1]:8080/").value(), "http://[::1]:8080");
  for (const char* bad :
       {"", "h.example", "ftp://h", "https://", "https://h/path", "https://u@h", "https://h?x", "https://h:0",
        "https://h:99999", "https://h:", "https://[::1", "https://a b", "https://h//"}) {
    EXPECT_FALSE(parse_origin(bad)) << bad;
  }
}

TEST(ConfigValues, SplitListenAddresses) {
  EXPECT_EQ(parse_listen("[::1]:8080")->host, "::1");
  EXPECT_EQ(parse_listen("[::1]:8080")->port, 8080);
  EXPECT_EQ(parse_listen("localhost:0")->host, "127.0.0.1");
  EXPECT_EQ(parse_listen("0.0.0.0:65535")->port, 65535);
  for (const char* bad : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:8080", "[::1]",
                          "[127.0.0.1]:80", "hekto.example:80", "127.0.0.1:+80", "127.0.0.1:80x"}) {
    EXPECT_FALSE(parse_listen(bad)) << bad;
  }
}

TEST(ConfigValues, ReadAndWriteSizesAndSpans) {
  EXPECT_EQ(parse_size("16MiB").value(), 16U << 20);
  EXPECT_EQ(parse_size("2 kb").value(), 2000U);
  EXPECT_EQ(parse_size("7").value(), 7U);
  for (const char* bad : {"", "MiB", "-1", "1.5MiB", "1XiB", "99999999999GiB"}) EXPECT_FALSE(parse_size(bad)) << bad;
  EXPECT_EQ(format_size(16 << 10), "16KiB");
  EXPECT_EQ(format_size(1025), "1025");
  EXPECT_EQ(format_span(90min), "1h30m");
  EXPECT_EQ(format_span(1500ms), "1s500ms");
  EXPECT_EQ(format_span(0s), "0s");
}

TEST(Options, AreWrittenAsTheirOwnDefaults) {
  const auto defaults = Config{};
  for (const auto& info : options()) {
    if (info.default_value.empty()) continue;
    const auto nothing = [](const std::string& name) -> std::optional<std::string> {
      return name == "HEKTO_CONFIG" ? std::optional<std::string>("/dev/null") : std::nullopt;
    };

    const auto config = load_config({}, {{info.path, {info.default_value}}}, nothing);

    ASSERT_TRUE(config) << info.path << ": " << config.error().message;
    EXPECT_EQ(config->trusted_proxies, defaults.trusted_proxies) << info.path;
    EXPECT_EQ(config->limits.write_timeout, defaults.limits.write_timeout) << info.path;
  }
}

TEST_F(ConfigTest, TakesMediaTypesAndGroupsOfThem) {
  EXPECT_THAT(load("inputs:\n  types: [image/*, video/mp4]\n")->input_types, ElementsAre("image/*", "video/mp4"));
  EXPECT_THAT(load("inputs:\n  types: '*/*'\n")->input_types, ElementsAre("*/*"));
  for (const std::string text : {"image", "'*/png'", "image/*/x", "image/png; q=1", "/*"}) {
    EXPECT_FALSE(load("inputs:\n  types: " + text + "\n")) << text;
  }
  EXPECT_FALSE(load("inputs:\n  types: []\n"));
}

TEST_F(ConfigTest, TakesHardwareAsSkuAndName) {
  EXPECT_EQ(load("")->hardware, domain::default_hardware());
  const std::vector<domain::Hardware> two = {{"cpu", "CPU"}, {"gpu-h100", "Nvidia H100 GPU"}};
  EXPECT_EQ(load("hardware:\n  - cpu=CPU\n  - gpu-h100=Nvidia H100 GPU\n")->hardware, two);
  for (const std::string text : {"cpu", "=CPU", "cpu=", "GPU=x", "'a b=c'"}) {
    EXPECT_FALSE(load("hardware: [" + text + "]\n")) << text;
  }
  EXPECT_FALSE(load("hardware: [cpu=a, cpu=b]\n"));
  EXPECT_FALSE(load("hardware: []\n"));
}

TEST(Options, AreListedWithFlagAndVariable) {
  const auto& all = options();

  const auto found = std::ranges::find(all, "limits.connections_per_address", &OptionInfo::path);

  ASSERT_NE(found, all.end());
  EXPECT_EQ(found->flag, "--limits-connections-per-address");
  EXPECT_EQ(found->variable, "HEKTO_LIMITS_CONNECTIONS_PER_ADDRESS");
  EXPECT_THAT(options_markdown(), HasSubstr("| `links.lifetime` | DURATION | `1h` |"));
  EXPECT_THAT(options_markdown(), HasSubstr("| `log.format` | json\\|text | `json` |"));
}

TEST(Options, AreAllDescribedInTheDocumentationAndNothingElse) {
  std::ifstream file(std::filesystem::path(HEKTO_SOURCE_DIR) / "docs" / "configuration.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(text.empty());
  std::size_t rows = 0;
  for (auto at = text.find("` | `HEKTO_"); at != std::string::npos; at = text.find("` | `HEKTO_", at + 1)) ++rows;
  EXPECT_EQ(rows, options().size());
  for (const auto& option : options()) {
    const std::string row = "| `" + option.path + "` | `" + option.flag + "` | `" + option.variable + "` |";
    EXPECT_NE(text.find(row), std::string::npos) << row;
  }
}

TEST(Suggestion, OffersOnlyNearWords) {
  const std::vector<std::string> words{"serve", "keys", "run", "version"};

  EXPECT_EQ(nearest_word("sevre", words), "serve");
  EXPECT_EQ(nearest_word("KEY", words), "keys");
  EXPECT_EQ(nearest_word("rum", words), "run");
  EXPECT_EQ(nearest_word("zzz", words), "");
  EXPECT_EQ(nearest_word("", words), "");
}

}  // namespace
}  // namespace hekto::app
