// SPDX-License-Identifier: Apache-2.0
#include "app/config_upstreams.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <set>

#include "app/config_values.h"
#include "app/suggest.h"
#include "app/token_command.h"
#include "base/text.h"
#include "domain/http_url.h"
#include "domain/model_pattern.h"

namespace hekto::app {
namespace {

using runners::replicate::AccountOptions;
using runners::replicate::UpstreamOptions;
using Read = std::function<Result<void>(const YAML::Node&)>;

constexpr std::size_t kMaxTokenFile = 64 << 10;
constexpr std::string_view kOfficial = "replicate";

int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// What goes into a header: visible ASCII.
Result<Secret> token_of(std::string_view text) {
  text = trimmed(text);
  const bool plain = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
  if (text.empty()) return fail(ErrorCode::invalid_input, "is empty");
  if (!plain || text.size() > 1024) return fail(ErrorCode::invalid_input, "is no token: a line of visible characters");
  return Secret(std::string(text));
}

Result<Secret> token_in_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxTokenFile, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.gcount() == 0) return fail(ErrorCode::invalid_input, "cannot be read: " + path);
  text.resize(static_cast<std::size_t>(in.gcount()));
  return token_of(text);
}

/// A file with certificates. Only looked at: it is read anew while the server runs, so that it may be renewed.
Result<std::string> certificates_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) return fail(ErrorCode::invalid_input, "cannot be read: " + path);
  if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    return fail(ErrorCode::invalid_input, "holds no PEM certificate: " + path);
  }
  return path;
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string_view::npos;
}

/// Walks the section; the first problem ends the walk.
class Reader {
 public:
  Reader(const Environment& environment, const AtLine& at) : environment_(environment), at_(at) {}

  Result<UpstreamOptions> upstream(const std::string& name, const YAML::Node& node);

 private:
  using Fields = std::map<std::string, Read>;
  Result<void> fields(const YAML::Node& node, const std::string& what, const Fields& known);
  Result<void> account(UpstreamOptions& upstream, const YAML::Node& node);

  Result<std::string> text(const YAML::Node& node);
  Read texts(std::vector<std::string>& into, bool (*fits)(std::string_view), std::string form);
  template <class Value>
  Read value(Value& into, Result<Value> (*parse)(std::string_view), Value lowest, Value highest);
  Read number(int& into, int lowest, int highest);
  Read flag(bool& into, std::string_view yes, std::string_view no);
  Read token(AccountOptions& into, std::function<Result<Secret>(const std::string&)> fetch);

  const Environment& environment_;
  const AtLine& at_;
};

Result<void> Reader::fields(const YAML::Node& node, const std::string& what, const Fields& known) {
  if (!node.IsMap()) return at_(line_of(node), what + " is a section: put its keys below it, indented");
  std::set<std::string> seen;
  for (const auto& member : node) {
    const auto key = member.first.Scalar();
    const auto found = known.find(key);
    if (found == known.end()) {
      std::vector<std::string> names;
      for (const auto& [name, read] : known) names.push_back(name);
      return at_(line_of(member.first), "unknown key '" + key + "' in " + what + did_you_mean(key, names));
    }
    if (!seen.insert(key).second) return at_(line_of(member.first), "'" + key + "' is given twice in " + what);
    if (auto read = found->second(member.second); !read) {
      const int line = member.second.IsNull() ? line_of(member.first) : line_of(member.second);
      return at_(line, what + ": " + key + " " + read.error().message);
    }
  }
  return {};
}

Result<std::string> Reader::text(const YAML::Node& node) {
  if (!node.IsScalar()) return fail(ErrorCode::invalid_input, "expects a text");
  return node.Scalar();
}

Read Reader::texts(std::vector<std::string>& into, bool (*fits)(std::string_view), std::string form) {
  return [&into, fits, form, this](const YAML::Node& node) -> Result<void> {
    into.clear();
    const bool one = node.IsScalar();
    if (!one && !node.IsSequence()) return fail(ErrorCode::invalid_input, "expects " + form + " or a list of them");
    for (std::size_t i = 0; i < (one ? 1 : node.size()); ++i) {
      auto item = text(one ? node : node[i]);
      if (!item || !fits(*item)) return unexpected_text(form, item.value_or(""));
      into.push_back(std::move(*item));
    }
    return {};
  };
}

template <class Value>
Read Reader::value(Value& into, Result<Value> (*parse)(std::string_view), Value lowest, Value highest) {
  return [&into, parse, lowest, highest, this](const YAML::Node& node) -> Result<void> {
    const auto given = text(node);
    if (!given) return std::unexpected(given.error());
    const auto parsed = parse(*given);
    if (!parsed) return std::unexpected(parsed.error());
    if (*parsed < lowest || *parsed > highest)
      return fail(ErrorCode::invalid_input, "is out of range: '" + *given + "'");
    into = *parsed;
    return {};
  };
}

Read Reader::number(int& into, int lowest, int highest) {
  return [&into, lowest, highest, this](const YAML::Node& node) -> Result<void> {
    std::size_t parsed = 0;
    if (auto read = value<std::size_t>(parsed, parse_count, static_cast<std::size_t>(lowest),
                                       static_cast<std::size_t>(highest))(node);
        !read) {
      return read;
    }
    into = static_cast<int>(parsed);
    return {};
  };
}

Read Reader::flag(bool& into, std::string_view yes, std::string_view no) {
  return [&into, yes, no, this](const YAML::Node& node) -> Result<void> {
    const auto given = text(node);
    if (!given || (*given != yes && *given != no)) {
      return unexpected_text("one of " + std::string(yes) + "|" + std::string(no), given.value_or(""));
    }
    into = *given == yes;
    return {};
  };
}

Read Reader::token(AccountOptions& into, std::function<Result<Secret>(const std::string&)> fetch) {
  return [&into, fetch = std::move(fetch), this](const YAML::Node& node) -> Result<void> {
    if (!into.token.empty()) return fail(ErrorCode::invalid_input, "is given beside another source of the token");
    auto given = text(node);
    if (!given) return std::unexpected(given.error());
    auto fetched = fetch(*given);
    if (!fetched) return std::unexpected(fetched.error());
    into.token = std::move(*fetched);
    return {};
  };
}

Result<void> Reader::account(UpstreamOptions& upstream, const YAML::Node& node) {
  constexpr std::size_t kMany = 10'000'000;
  AccountOptions account;
  account.name = "account-" + std::to_string(upstream.accounts.size() + 1);
  const auto name = [&](const YAML::Node& given) -> Result<void> {
    auto read = text(given);
    if (!read || !is_word(*read))
      return unexpected_text("a word of letters, digits, '.', '_' and '-'", read.value_or(""));
    account.name = std::move(*read);
    return {};
  };
  const auto username = [&](const YAML::Node& given) -> Result<void> {
    auto read = text(given);
    if (!read) return std::unexpected(read.error());
    account.username = std::move(*read);
    return {};
  };
  const auto of_variable = [this](const std::string& variable) -> Result<Secret> {
    const auto value = environment_(variable);
    if (!value || value->empty())
      return fail(ErrorCode::invalid_input, "names a variable that is not set: " + variable);
    return token_of(*value);
  };
  auto read = fields(node, "an account",
                     {{"name", name},
                      {"username", username},
                      {"token", token(account, [](const std::string& text) { return token_of(text); })},
                      {"token_env", token(account, of_variable)},
                      {"token_file", token(account, token_in_file)},
                      {"token_command", token(account,
                                              [](const std::string& command) -> Result<Secret> {
                                                auto printed = run_token_command(command);
                                                if (!printed) return std::unexpected(printed.error());
                                                return token_of(*printed);
                                              })},
                      {"weight", value<double>(account.weight, parse_factor, 0.001, 1e6)},
                      {"concurrency", value<std::size_t>(account.concurrency, parse_count, 0, kMany)},
                      {"creates_per_minute", number(account.creates, 1, 10'000'000)},
                      {"others_per_minute", number(account.others, 1, 10'000'000)}});
  if (!read) return read;
  if (account.token.empty()) {
    return at_(line_of(node), "an account needs a token: token, token_env, token_file or token_command");
  }
  if (std::ranges::find(upstream.accounts, account.name, &AccountOptions::name) != upstream.accounts.end()) {
    return at_(line_of(node), "two accounts are called '" + account.name + "'");
  }
  upstream.accounts.push_back(std::move(account));
  return {};
}

Result<UpstreamOptions> Reader::upstream(const std::string& name, const YAML::Node& node) {
  constexpr std::size_t kMany = 10'000'000;
  UpstreamOptions options;
  options.name = name;
  const auto accounts = [&](const YAML::Node& list) -> Result<void> {
    if (!list.IsSequence()) return fail(ErrorCode::invalid_input, "expects a list of accounts");
    for (const auto& item : list) {
      if (auto read = account(options, item); !read) return read;
    }
    return {};
  };
  const auto url = [&](const YAML::Node& given) -> Result<void> {
    const auto read = text(given);
    auto parsed = read ? parse_base_url(*read) : std::unexpected(read.error());
    if (!parsed) return std::unexpected(parsed.error());
    options.url = std::move(*parsed);
    return {};
  };
  const auto ca_file = [&](const YAML::Node& given) -> Result<void> {
    const auto path = text(given);
    auto file = path ? certificates_file(*path) : std::unexpected(path.error());
    if (!file) return std::unexpected(file.error());
    options.ca_file = std::move(*file);
    return {};
  };
  const auto names = [&](const YAML::Node& map) -> Result<void> {
    if (!map.IsMap()) return fail(ErrorCode::invalid_input, "expects lines of the form 'own/name: their/name'");
    for (const auto& pair : map) {
      const auto ours = pair.first.Scalar();
      const auto theirs = pair.second.IsScalar() ? pair.second.Scalar() : std::string();
      const auto is_name = [](std::string_view text) {
        return domain::is_model_pattern(text) && text.find('*') == std::string_view::npos;
      };
      if (!is_name(ours) || !is_name(theirs)) return unexpected_text("owner/name on both sides", ours + ": " + theirs);
      options.names[ours] = theirs;
    }
    return {};
  };
  const auto by_model = [&](const YAML::Node& map) -> Result<void> {
    if (!map.IsMap()) return fail(ErrorCode::invalid_input, "expects lines of the form 'owner/name: NUMBER'");
    for (const auto& pair : map) {
      std::size_t limit = 0;
      if (!domain::is_model_pattern(pair.first.Scalar())) return unexpected_text("owner/name", pair.first.Scalar());
      if (auto read = value<std::size_t>(limit, parse_count, 1, kMany)(pair.second); !read) return read;
      options.model_concurrency.emplace_back(pair.first.Scalar(), limit);
    }
    return {};
  };
  const auto webhooks = [&](const YAML::Node& given) -> Result<void> {
    static const std::map<std::string, UpstreamOptions::Webhooks> kWords = {
        {"auto", UpstreamOptions::Webhooks::automatic},
        {"on", UpstreamOptions::Webhooks::on},
        {"off", UpstreamOptions::Webhooks::off}};
    const auto word = kWords.find(text(given).value_or(""));
    if (word == kWords.end()) return unexpected_text("one of auto|on|off", text(given).value_or(""));
    options.webhooks = word->second;
    return {};
  };
  const auto is_host = [](std::string_view text) {
    if (text.starts_with("*.")) text.remove_prefix(2);
    return is_word(text);
  };
  const auto safety_poll =
      value<Duration>(options.safety_poll, parse_span, std::chrono::milliseconds(100), std::chrono::minutes(10));
  auto read =
      fields(node, "upstream " + name,
             {{"url", url},
              {"ca_file", ca_file},
              {"accounts", accounts},
              {"models", texts(options.models, domain::is_model_pattern, "a pattern such as owner/name or */*")},
              {"deny", texts(options.deny, domain::is_model_pattern, "a pattern such as owner/name or owner/*")},
              {"names", names},
              {"submit", flag(options.queued, "queued", "wait")},
              {"submit_limit",
               value<Duration>(options.submit_limit, parse_span, std::chrono::seconds(1), std::chrono::minutes(10))},
              {"idempotent", flag(options.idempotent, "true", "false")},
              {"priority", number(options.priority, 0, 1000)},
              {"concurrency", value<std::size_t>(options.concurrency, parse_count, 0, kMany)},
              {"model_concurrency", by_model},
              {"outputs", flag(options.rehost, "rehost", "pass")},
              {"file_hosts", texts(options.file_hosts, is_host, "a host name, or *. and one")},
              {"stream_hosts", texts(options.stream_hosts, is_host, "a host name, or *. and one")},
              {"streams", value<std::size_t>(options.streams, parse_count, 0, 10'000)},
              {"max_output", value<std::size_t>(options.max_output, parse_size, 1 << 10, std::size_t{1} << 40)},
              {"safety_poll", safety_poll},
              {"webhooks", webhooks},
              {"time_limit",
               value<Duration>(options.time_limit, parse_span, std::chrono::seconds(1), std::chrono::hours(24 * 30))}});
  if (!read) return std::unexpected(read.error());
  return options;
}

}  // namespace

Result<std::string> parse_base_url(std::string_view text) {
  const auto parsed = domain::parse_http_url(text);
  if (!parsed || text.find_first_of("?#") != std::string_view::npos) {
    return unexpected_text("an http or https URL without user name and query", text);
  }
  std::string url(parsed->origin);
  const auto slash = parsed->request.find('/', parsed->request.find("://") + 3);
  auto path = slash == std::string::npos ? std::string() : parsed->request.substr(slash);
  while (path.ends_with('/')) path.pop_back();
  if (path.ends_with("/v1")) path.resize(path.size() - 3);
  while (path.ends_with('/')) path.pop_back();
  return url + path;
}

Result<std::vector<UpstreamOptions>> read_upstreams(const YAML::Node& section, const Environment& environment,
                                                    const AtLine& at) {
  std::vector<UpstreamOptions> upstreams;
  if (section.IsNull()) return upstreams;
  if (!section.IsMap()) return at(line_of(section), "'upstreams' is a section: put upstreams by name below it");
  Reader reader(environment, at);
  for (const auto& member : section) {
    const auto name = member.first.Scalar();
    if (!is_word(name)) return at(line_of(member.first), "an upstream is called by a word, not '" + name + "'");
    if (std::ranges::find(upstreams, name, &UpstreamOptions::name) != upstreams.end()) {
      return at(line_of(member.first), "two upstreams are called '" + name + "'");
    }
    if (member.second.IsNull()) {
      upstreams.emplace_back().name = name;
      continue;
    }
    auto upstream = reader.upstream(name, member.second);
    if (!upstream) return std::unexpected(upstream.error());
    upstreams.push_back(std::move(*upstream));
  }
  return upstreams;
}

Result<void> complete_upstreams(std::vector<UpstreamOptions>& upstreams, const std::string& url,
                                const std::string& token) {
  auto official = std::ranges::find(upstreams, kOfficial, &UpstreamOptions::name);
  if (official == upstreams.end() && upstreams.empty() && !token.empty()) {
    upstreams.emplace_back().name = kOfficial;
    official = upstreams.begin();
  }
  if (official != upstreams.end()) {
    if (!url.empty()) official->url = url;
    if (official->accounts.empty() && !token.empty()) {
      auto read = token_of(token);
      if (!read) return fail(ErrorCode::invalid_input, "REPLICATE_API_TOKEN " + read.error().message);
      AccountOptions account;
      account.name = "default";
      account.token = std::move(*read);
      official->accounts.push_back(std::move(account));
    }
  }
  for (const auto& upstream : upstreams) {
    if (upstream.accounts.empty()) {
      return fail(ErrorCode::invalid_input, "the upstream '" + upstream.name +
                                                "' has no account: list one under accounts" +
                                                (upstream.name == kOfficial ? ", or set REPLICATE_API_TOKEN" : ""));
    }
  }
  return {};
}

}  // namespace hekto::app
