// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "domain/hardware.h"
#include "http/server.h"
#include "runners/replicate/options.h"

namespace hekto::app {

/// Which finished requests get a log line.
enum class AccessLog { off, changes, all };  // changes: everything but successful GET and HEAD

/// Everything an operator can set. docs/configuration.md describes each; the defaults are the ones below.
struct Config {
  std::filesystem::path data = "./hekto-data";
  std::vector<std::string> listen = {"127.0.0.1:8080"};  ///< HOST:PORT, [IPV6]:PORT; several are allowed
  std::uint64_t reserve = 256 << 20;  ///< storage.reserve: bytes left on the data's disk; below, creates get 503
  std::string public_url;             ///< origin for links, such as https://hekto.example; empty: from each request
  std::string tls_certificate;        ///< PEM file; with tls_key turns TLS on for every listener
  std::string tls_key;
  std::vector<std::string> trusted_proxies = {"127.0.0.0/8", "::1"};
  unsigned threads = 0;                       ///< io threads; 0: one a core, at most 4
  std::vector<std::filesystem::path> models;  ///< further catalog files or folders, beside the built-in ones

  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::json;
  AccessLog access_log = AccessLog::changes;

  http::Limits limits;
  std::size_t max_json_body = 16 << 20;  ///< bytes of a create
  Duration drain_grace = std::chrono::seconds(25);

  Duration link_lifetime = std::chrono::hours(1);   ///< links.lifetime: after completion
  Duration retention = std::chrono::hours(1);       ///< retention.after: then input, output, logs, files go
  Duration file_lifetime = std::chrono::hours(24);  ///< files.lifetime: of uploads
  std::size_t max_file = 100 << 20;                 ///< files.max_size: bytes of one upload
  std::vector<domain::Hardware> hardware = domain::default_hardware();  ///< what models and deployments may ask for
  std::size_t max_inputs = 100 << 20;                ///< inputs.max_size: bytes of all input files of a prediction
  std::size_t max_input_count = 100;                 ///< inputs.max_count: input files of a prediction
  bool fetch_inputs = true;                          ///< inputs.fetch: get what http and https URLs lead to
  Duration fetch_timeout = std::chrono::minutes(5);  ///< inputs.fetch_timeout: of one file
  unsigned fetch_concurrency = 32;                   ///< inputs.fetch_concurrency: files at once
  unsigned fetch_per_host = 4;                       ///< inputs.fetch_per_host: files at once from one host
  std::vector<std::string> input_types = {"*/*"};    ///< inputs.types: media types of input files that are taken
  Duration time_limit = std::chrono::minutes(30);    ///< predictions.time_limit: of one attempt, input files included
  unsigned concurrency = 64;                         ///< predictions.concurrency: runs under way at once
  unsigned queue_limit = 100'000;                    ///< predictions.queue_limit: unfinished ones; beyond: 503

  Duration idempotency_lifetime = std::chrono::hours(24);  ///< idempotency.lifetime: of an Idempotency-Key

  /// upstreams: where live keys run; none: in the sandbox, like test keys. Tokens are here already.
  std::vector<runners::replicate::UpstreamOptions> upstreams;
  std::string replicate_url;            ///< base URL of the upstream called replicate; empty: the official one's
  unsigned relay_concurrency = 20'000;  ///< predictions.relayed: runs of relayed predictions at once
  /// predictions.park_after: so long nothing is new at the upstream before a run is parked
  Duration park_after = std::chrono::seconds(3);

  double sandbox_speed = 1;  ///< sandbox.speed: 2 is twice as fast; 0 leaves all waiting out

  int rate_creates = 600;   ///< rate_limits.creates a minute and key; 0: no limit
  int rate_reads = 60'000;  ///< rate_limits.reads: GET of a prediction
  int rate_others = 3'000;  ///< rate_limits.others: everything else

  Duration webhook_timeout = std::chrono::seconds(10);  ///< webhooks.timeout: of one attempt
  Duration webhook_keep = std::chrono::hours(24 * 7);   ///< webhooks.keep: log of settled messages
  double webhook_schedule_scale = 1;      ///< webhooks.schedule_scale: stretches the waits between attempts
  std::vector<std::string> egress_allow;  ///< egress.allow: networks that may be called beside the internet
  std::vector<std::string> egress_ports = {"80", "443", "1024-65535"};  ///< egress.ports: that may be called
};

/// What a configuration is read for. To look after a server no token of its upstreams is needed: where the tokens are
/// may be known to the server alone, and fetching one may run a command.
enum class ConfigFor : std::uint8_t {
  serving,
  administration,  ///< `upstreams` is not looked at, and stays empty
};

/// Where the values come from, strongest first: flag, environment (HEKTO_…), file, default.
/// `flags` maps option paths ("listen", "links.lifetime") to texts as given on the command line; `environment` looks a
/// variable up (an empty value counts as unset; lists are separated by commas). `file` empty: HEKTO_CONFIG, else
/// ./hekto.yaml when it exists. Every source is checked, also where a stronger one overrides it. Errors are
/// invalid_input and name the file and line ("hekto.yaml:12: unknown key 'lisen'; did you mean 'listen'?"), the
/// variable, or the flag. REPLICATE_API_TOKEN is the token of the upstream called replicate, unless that has accounts,
/// and makes it when no upstream is configured.
Result<Config> load_config(const std::filesystem::path& file,
                           const std::map<std::string, std::vector<std::string>>& flags,
                           const std::function<std::optional<std::string>(const std::string&)>& environment,
                           ConfigFor purpose = ConfigFor::serving);

/// One option as people see it. Built from the table that load_config reads, so that flags, help and documentation
/// cannot differ from what is accepted.
struct OptionInfo {
  std::string path;           ///< in hekto.yaml: "links.lifetime" is `lifetime` under `links`
  std::string flag;           ///< "--links-lifetime"
  std::string variable;       ///< "HEKTO_LINKS_LIFETIME"
  std::string kind;           ///< what it takes: "DURATION", "SIZE", "json|text"
  std::string default_value;  ///< as it would be written; empty for none
  std::string help;           ///< one sentence with the accepted range
  bool list = false;          ///< may be given several times
};
/// Every option, in the order of the documentation.
const std::vector<OptionInfo>& options();
/// The table of docs/configuration.md (Markdown, with a heading row).
std::string options_markdown();

struct ListenAddress {
  std::string host;  ///< IPv4 or IPv6 address, without brackets
  std::uint16_t port = 0;
};
/// Reads "HOST:PORT" or "[IPV6]:PORT"; HOST is an address or "localhost" (127.0.0.1), port 0 any free one.
Result<ListenAddress> parse_listen(std::string_view text);

}  // namespace hekto::app
