// SPDX-License-Identifier: Apache-2.0
#include "app/config_options.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "app/config_upstreams.h"
#include "app/config_values.h"

namespace hekto::app {
namespace {

using namespace std::chrono_literals;

OptionInfo describe(std::string path, std::string kind, std::string default_value, std::string help) {
  OptionInfo info{.path = path,
                  .flag = "--" + path,
                  .variable = "HEKTO_" + path,
                  .kind = std::move(kind),
                  .default_value = std::move(default_value),
                  .help = std::move(help)};
  std::ranges::replace_if(info.flag, [](char c) { return c == '.' || c == '_'; }, '-');
  for (char& c : info.variable) c = c == '.' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  return info;
}

std::unexpected<Error> out_of_range(const std::string& lowest, const std::string& highest, std::string_view text) {
  return fail(ErrorCode::invalid_input,
              "must be from " + lowest + " to " + highest + ", got '" + std::string(text) + "'");
}

std::string with_range(std::string_view help, const std::string& lowest, const std::string& highest) {
  return std::string(help) + " (" + lowest + " to " + highest + ")";
}

/// A value between two bounds. `at` gives the member of a Config; `parse` and `format` belong to the kind.
template <class Value, class Access>
Option bounded(std::string path, std::string kind, std::string_view help, Access at, Value lowest, Value highest,
               Result<Value> (*parse)(std::string_view), std::string (*format)(Value)) {
  using Member = std::remove_reference_t<std::invoke_result_t<Access, Config&>>;
  const auto to_member = [](Value v) {
    if constexpr (std::is_arithmetic_v<Member>) {
      return static_cast<Member>(v);
    } else {
      return std::chrono::duration_cast<Member>(v);
    }
  };
  Config defaults;
  Option option;
  option.info = describe(std::move(path), std::move(kind), format(static_cast<Value>(at(defaults))),
                         with_range(help, format(lowest), format(highest)));
  option.set = [=](Config& config, std::string_view text) -> Result<void> {
    const auto value = parse(text);
    if (!value) return std::unexpected(value.error());
    if (*value < lowest || *value > highest) return out_of_range(format(lowest), format(highest), text);
    at(config) = to_member(*value);
    return {};
  };
  return option;
}

template <class Access>
Option span(std::string path, std::string_view help, Access at, Duration lowest, Duration highest) {
  return bounded<Duration>(std::move(path), "DURATION", help, at, lowest, highest, parse_span, format_span);
}
template <class Access>
Option size(std::string path, std::string_view help, Access at, std::size_t lowest, std::size_t highest) {
  return bounded<std::size_t>(std::move(path), "SIZE", help, at, lowest, highest, parse_size, format_size);
}
std::string format_count(std::size_t n) { return std::to_string(n); }
template <class Access>
Option count(std::string path, std::string_view help, Access at, std::size_t lowest, std::size_t highest) {
  return bounded<std::size_t>(std::move(path), "NUMBER", help, at, lowest, highest, parse_count, format_count);
}

template <class Access>
Option path_text(std::string path, std::string_view kind, std::string_view help, Access at) {
  Config defaults;
  Option option;
  option.info = describe(std::move(path), std::string(kind), std::string(at(defaults)), std::string(help));
  option.set = [at](Config& config, std::string_view text) -> Result<void> {
    if (text.empty() || text.find('\0') != std::string_view::npos) return unexpected_text("a path", text);
    at(config) = std::string(text);
    return {};
  };
  return option;
}

/// One word out of a few, each standing for a value.
template <class Value, class Access>
Option choice(std::string path, std::string_view help, Access at, std::vector<std::pair<std::string, Value>> words) {
  Config defaults;
  std::string kind;
  std::string default_value;
  for (const auto& [word, value] : words) {
    kind += (kind.empty() ? "" : "|") + word;
    if (value == at(defaults)) default_value = word;
  }
  Option option;
  option.info = describe(std::move(path), kind, default_value, std::string(help));
  option.set = [at, words = std::move(words), kind](Config& config, std::string_view text) -> Result<void> {
    const auto word = std::ranges::find_if(words, [&](const auto& w) { return w.first == text; });
    if (word == words.end()) return unexpected_text("one of " + kind, text);
    at(config) = word->second;
    return {};
  };
  return option;
}

/// A list. `read` turns a text into an item; the single text "none" leaves the list empty when `may_be_empty`.
template <class Access, class Read>
Option list(std::string path, std::string_view kind, std::string_view help, Access at, bool may_be_empty, Read read) {
  Config defaults;
  std::string default_value;
  for (const auto& item : at(defaults)) default_value += (default_value.empty() ? "" : ",") + std::string(item);
  Option option;
  option.info = describe(std::move(path), std::string(kind), default_value, std::string(help));
  option.info.list = true;
  option.clear = [at](Config& config) { at(config).clear(); };
  option.set = [=](Config& config, std::string_view text) -> Result<void> {
    if (may_be_empty && text == "none") return {};
    auto item = read(text);
    if (!item) return std::unexpected(item.error());
    if (std::ranges::find(at(config), *item) != at(config).end()) {
      return fail(ErrorCode::invalid_input, "names '" + std::string(text) + "' twice");
    }
    at(config).push_back(std::move(*item));
    return {};
  };
  return option;
}

Result<std::string> read_ports(std::string_view text) {
  const auto ports = parse_ports(text);
  if (!ports) return std::unexpected(ports.error());
  return std::string(text);
}

Result<std::string> read_listen(std::string_view text) {
  auto address = parse_listen(text);
  if (!address) return std::unexpected(address.error());
  return std::string(text);
}

Result<std::filesystem::path> read_path(std::string_view text) {
  if (text.empty() || text.find('\0') != std::string_view::npos) return unexpected_text("a path", text);
  return std::filesystem::path(text);
}

Option public_url() {
  Option option;
  option.info = describe("public_url", "URL", "",
                         "Origin that clients reach this server at, written into links; unset: as each request says");
  option.set = [](Config& config, std::string_view text) -> Result<void> {
    auto origin = parse_origin(text);
    if (!origin) return std::unexpected(origin.error());
    config.public_url = std::move(*origin);
    return {};
  };
  return option;
}

void add_server_options(std::vector<Option>& table) {
  table.push_back(path_text("data", "DIR", "Folder for everything that is kept",
                            [](Config& c) -> std::filesystem::path& { return c.data; }));
  table.push_back(size(
      "storage.reserve", "Space left on the disk of data, for what was accepted; below it creates get 503",
      [](Config& c) -> auto& { return c.reserve; }, 0, std::size_t{1} << 40));
  table.push_back(list(
      "listen", "HOST:PORT", "Addresses to listen on; port 0 takes any free one",
      [](Config& c) -> auto& { return c.listen; }, false, read_listen));
  table.push_back(public_url());
  table.push_back(path_text("tls.certificate", "FILE", "PEM certificate chain; with tls.key turns TLS on",
                            [](Config& c) -> std::string& { return c.tls_certificate; }));
  table.push_back(path_text("tls.key", "FILE", "PEM private key of the certificate",
                            [](Config& c) -> std::string& { return c.tls_key; }));
  table.push_back(list(
      "trusted_proxies", "ADDRESS", "Proxies whose X-Forwarded-* headers count, or none",
      [](Config& c) -> auto& { return c.trusted_proxies; }, true, parse_network));
  table.push_back(count(
      "threads", "Threads that serve connections; 0 is one a core, at most 4",
      [](Config& c) -> auto& { return c.threads; }, 0, 256));
  table.push_back(list(
      "models", "PATH", "Further catalog files or folders, beside the built-in models, or none",
      [](Config& c) -> auto& { return c.models; }, true, read_path));
  table.push_back(choice<log::Level>("log.level", "Least important lines that are logged",
                                     [](Config& c) -> auto& { return c.log_level; },
                                     {{"debug", log::Level::debug},
                                      {"info", log::Level::info},
                                      {"warn", log::Level::warn},
                                      {"error", log::Level::error}}));
  table.push_back(choice<log::Format>("log.format", "Form of the log on standard error",
                                      [](Config& c) -> auto& { return c.log_format; },
                                      {{"json", log::Format::json}, {"text", log::Format::text}}));
  table.push_back(
      choice<AccessLog>("log.access", "Requests that get a log line; changes is all but successful GET and HEAD",
                        [](Config& c) -> auto& { return c.access_log; },
                        {{"off", AccessLog::off}, {"changes", AccessLog::changes}, {"all", AccessLog::all}}));
}

void add_limit_options(std::vector<Option>& table) {
  table.push_back(size(
      "limits.head_bytes", "Request line and headers; beyond: 431",
      [](Config& c) -> auto& { return c.limits.head_bytes; }, 1 << 10, 1 << 20));
  table.push_back(size(
      "limits.target_bytes", "Path and query of a request; beyond: 414",
      [](Config& c) -> auto& { return c.limits.target_bytes; }, 256, 1 << 20));
  table.push_back(count(
      "limits.header_count", "Header lines of a request; beyond: 431",
      [](Config& c) -> auto& { return c.limits.header_count; }, 8, 1000));
  table.push_back(size(
      "limits.body_bytes", "Body of a create; beyond: 413", [](Config& c) -> auto& { return c.max_json_body; }, 1 << 10,
      1 << 30));
  table.push_back(count(
      "limits.connections", "Open connections; beyond: 503", [](Config& c) -> auto& { return c.limits.connections; }, 1,
      1'000'000));
  table.push_back(count(
      "limits.connections_per_address",
      "Open connections of one address, loopback and trusted proxies exempt; 0: no limit",
      [](Config& c) -> auto& { return c.limits.connections_per_address; }, 0, 1'000'000));
  table.push_back(span(
      "limits.head_timeout", "From the first byte of a head to its last; beyond: 408",
      [](Config& c) -> auto& { return c.limits.head_timeout; }, 100ms, 10min));
  table.push_back(span(
      "limits.idle_timeout", "How long a connection may be idle between requests",
      [](Config& c) -> auto& { return c.limits.idle_timeout; }, 100ms, 1h));
  table.push_back(span(
      "limits.body_grace", "After this a body must have come at limits.body_rate on average",
      [](Config& c) -> auto& { return c.limits.body_grace; }, 0ms, 10min));
  table.push_back(size(
      "limits.body_rate", "Bytes a second that a body must come at; slower: 408",
      [](Config& c) -> auto& { return c.limits.body_rate; }, 1, 1 << 30));
  table.push_back(span(
      "limits.write_timeout", "How long a client may take nothing of an answer",
      [](Config& c) -> auto& { return c.limits.write_timeout; }, 100ms, 1h));
  table.push_back(span(
      "drain.grace", "How long a stopping server lets requests finish",
      [](Config& c) -> auto& { return c.drain_grace; }, 0s, 1h));
}

/// SKU=NAME items; a list whose items are no plain text.
Option hardware() {
  Config defaults;
  std::string default_value;
  for (const auto& item : defaults.hardware) {
    default_value += (default_value.empty() ? "" : ",") + item.sku + "=" + item.name;
  }
  Option option;
  option.info = describe("hardware", "SKU=NAME", default_value, "Machines that models and deployments may ask for");
  option.info.list = true;
  option.clear = [](Config& config) { config.hardware.clear(); };
  option.set = [](Config& config, std::string_view text) -> Result<void> {
    auto item = parse_hardware(text);
    if (!item) return std::unexpected(item.error());
    if (std::ranges::find(config.hardware, item->sku, &domain::Hardware::sku) != config.hardware.end()) {
      return fail(ErrorCode::invalid_input, "names '" + item->sku + "' twice");
    }
    config.hardware.push_back(std::move(*item));
    return {};
  };
  return option;
}

void add_file_options(std::vector<Option>& table) {
  table.push_back(span(
      "files.lifetime", "How long an uploaded file is kept", [](Config& c) -> auto& { return c.file_lifetime; }, 1s,
      24h * 365));
  table.push_back(size(
      "files.max_size", "One uploaded file; beyond: 413", [](Config& c) -> auto& { return c.max_file; }, 1 << 10,
      std::size_t{4} << 30));
  table.push_back(hardware());
  table.push_back(size(
      "inputs.max_size", "All files that one prediction's input names; beyond: it fails",
      [](Config& c) -> auto& { return c.max_inputs; }, 1 << 10, std::size_t{64} << 30));
  table.push_back(count(
      "inputs.max_count", "Files that one prediction's input may name; beyond: it fails",
      [](Config& c) -> auto& { return c.max_input_count; }, 1, 10'000));
  table.push_back(choice<bool>("inputs.fetch", "Whether http and https URLs in inputs are fetched for the model",
                               [](Config& c) -> auto& { return c.fetch_inputs; }, {{"on", true}, {"off", false}}));
  table.push_back(span(
      "inputs.fetch_timeout", "How long the fetch of one input file may take",
      [](Config& c) -> auto& { return c.fetch_timeout; }, 100ms, 1h));
  table.push_back(count(
      "inputs.fetch_concurrency", "Input files that are fetched at once",
      [](Config& c) -> auto& { return c.fetch_concurrency; }, 1, 10'000));
  table.push_back(count(
      "inputs.fetch_per_host", "Input files that are fetched at once from one host",
      [](Config& c) -> auto& { return c.fetch_per_host; }, 1, 10'000));
  table.push_back(list(
      "inputs.types", "MEDIA-TYPE",
      "Types of input files that are taken, such as image/png or image/*; others: it fails",
      [](Config& c) -> auto& { return c.input_types; }, false, parse_media_pattern));
}

Option replicate_url() {
  Option option;
  option.info = describe("replicate_url", "URL", "",
                         "Base URL of the upstream 'replicate', whose token is in REPLICATE_API_TOKEN; the official "
                         "service's by default");
  option.set = [](Config& config, std::string_view text) -> Result<void> {
    auto url = parse_base_url(text);
    if (!url) return std::unexpected(url.error());
    config.replicate_url = std::move(*url);
    return {};
  };
  return option;
}

void add_prediction_options(std::vector<Option>& table) {
  table.push_back(span(
      "links.lifetime", "How long after completion output links work; at most retention.after",
      [](Config& c) -> auto& { return c.link_lifetime; }, 1s, 24h * 30));
  table.push_back(span(
      "retention.after", "When after completion input, output, logs and files are removed",
      [](Config& c) -> auto& { return c.retention; }, 1s, 24h * 365));
  add_file_options(table);
  table.push_back(span(
      "predictions.time_limit", "Longest time of one attempt, fetching of input files included",
      [](Config& c) -> auto& { return c.time_limit; }, 1s, 24h * 7));
  table.push_back(count(
      "predictions.concurrency", "Predictions that run at once", [](Config& c) -> auto& { return c.concurrency; }, 1,
      10'000));
  table.push_back(count(
      "predictions.queue_limit", "Unfinished predictions; beyond: 503",
      [](Config& c) -> auto& { return c.queue_limit; }, 1, 10'000'000));
  table.push_back(count(
      "predictions.relayed", "Predictions at upstreams, or on their way there, that are held in memory at once",
      [](Config& c) -> auto& { return c.relay_concurrency; }, 1, 1'000'000));
  table.push_back(span(
      "predictions.park_after", "How long nothing is new of a prediction at an upstream before it leaves memory",
      [](Config& c) -> auto& { return c.park_after; }, 0s, 1h));
  table.push_back(replicate_url());
  table.push_back(span(
      "idempotency.lifetime", "How long a create is recognised by its Idempotency-Key",
      [](Config& c) -> auto& { return c.idempotency_lifetime; }, 1s, 24h * 30));
  table.push_back(bounded<double>(
      "sandbox.speed", "NUMBER", "How fast the sandbox acts; 2 is twice as fast, 0 leaves all waiting out",
      [](Config& c) -> auto& { return c.sandbox_speed; }, 0.0, 1000.0, parse_factor, format_factor));
  table.push_back(count(
      "rate_limits.creates", "Creates a minute and key; 0: no limit", [](Config& c) -> auto& { return c.rate_creates; },
      0, 100'000'000));
  table.push_back(count(
      "rate_limits.reads", "Reads of a prediction a minute and key; 0: no limit",
      [](Config& c) -> auto& { return c.rate_reads; }, 0, 100'000'000));
  table.push_back(count(
      "rate_limits.others", "Other requests a minute and key; 0: no limit",
      [](Config& c) -> auto& { return c.rate_others; }, 0, 100'000'000));
}

void add_webhook_options(std::vector<Option>& table) {
  table.push_back(span(
      "webhooks.timeout", "How long one attempt to deliver a webhook may take",
      [](Config& c) -> auto& { return c.webhook_timeout; }, 100ms, 1min));
  table.push_back(span(
      "webhooks.keep", "How long delivered and given-up webhooks stay in the list",
      [](Config& c) -> auto& { return c.webhook_keep; }, 1min, 24h * 365));
  table.push_back(bounded<double>(
      "webhooks.schedule_scale", "NUMBER",
      "Stretches the waits between attempts; 1 is about 75 hours in all, for tests less",
      [](Config& c) -> auto& { return c.webhook_schedule_scale; }, 0.0001, 10.0, parse_factor, format_factor));
  table.push_back(list(
      "egress.allow", "ADDRESS", "Private addresses or blocks that inputs and webhooks may lead to, or none",
      [](Config& c) -> auto& { return c.egress_allow; }, true, parse_network));
  table.push_back(list(
      "egress.ports", "PORTS", "Ports that inputs and webhooks may lead to, such as 443 or 1024-65535",
      [](Config& c) -> auto& { return c.egress_ports; }, false, read_ports));
}

}  // namespace

const std::vector<Option>& option_table() {
  static const std::vector<Option> kTable = [] {
    std::vector<Option> table;
    add_server_options(table);
    add_limit_options(table);
    add_prediction_options(table);
    add_webhook_options(table);
    return table;
  }();
  return kTable;
}

const Option* find_option(std::string_view path) {
  const auto& table = option_table();
  const auto found = std::ranges::find_if(table, [&](const Option& option) { return option.info.path == path; });
  return found == table.end() ? nullptr : &*found;
}

const std::vector<OptionInfo>& options() {
  static const std::vector<OptionInfo> kInfos = [] {
    std::vector<OptionInfo> infos;
    for (const auto& option : option_table()) infos.push_back(option.info);
    return infos;
  }();
  return kInfos;
}

std::string options_markdown() {
  std::string text = "| option | takes | default | meaning |\n| --- | --- | --- | --- |\n";
  for (const auto& info : options()) {
    std::string kind = info.kind;
    for (std::size_t at = 0; (at = kind.find('|', at)) != std::string::npos; at += 2) kind.insert(at, "\\");
    text += "| `" + info.path + "` | " + kind + (info.list ? " (list)" : "") + " | " +
            (info.default_value.empty() ? "" : "`" + info.default_value + "`") + " | " + info.help + " |\n";
  }
  return text;
}

}  // namespace hekto::app
