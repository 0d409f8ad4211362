// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/time.h"

namespace hekto::runners::replicate {

/// An account at an upstream: a token, and what may be done with it.
struct AccountOptions {
  std::string name;  ///< the operator's word for it
  Secret token;
  std::string username = {};    ///< what the upstream calls it; kept from clients where it is known
  double weight = 1;            ///< share of the work among the accounts of one upstream
  std::size_t concurrency = 0;  ///< predictions unfinished at once; 0: no limit
  int creates = 600;            ///< creates a minute, before anything is learnt
  int others = 3'000;           ///< other requests a minute, but for reads of single predictions
};

/// A Replicate-compatible server that runs predictions for us.
struct UpstreamOptions {
  std::string name;                                  ///< the operator's word for it
  std::string url = "https://api.replicate.com";     ///< base URL without /v1 and without a trailing slash
  std::string ca_file = {};                          ///< authorities trusted there; empty: the system's
  std::vector<AccountOptions> accounts = {};         ///< at least one
  std::vector<std::string> models = {"*/*"};         ///< patterns of client names that go there
  std::vector<std::string> deny = {};                ///< patterns of those that do not
  std::map<std::string, std::string> names = {};     ///< client name -> name there, both "owner/name"
  bool queued = false;                               ///< creates are answered before they are submitted
  Duration submit_limit = std::chrono::seconds(60);  ///< for the answer to a create
  bool idempotent = false;      ///< a create may be repeated there without being seen twice by anybody
  int priority = 0;             ///< the higher ones are used while they have room; the rest takes what spills over
  std::size_t concurrency = 0;  ///< predictions unfinished at once; 0: no limit
  std::vector<std::pair<std::string, std::size_t>> model_concurrency = {};  ///< the same by pattern; the first counts
  bool rehost = true;  ///< outputs are fetched and kept; else their links are handed on
  std::vector<std::string> file_hosts = {"replicate.delivery", "*.replicate.delivery"};  ///< hosts of output files
  std::vector<std::string> stream_hosts = {"*.replicate.com"};  ///< hosts of event streams, beside its own origin
  std::size_t streams = 256;                                    ///< event streams read at once; 0: none is
  std::size_t max_output = std::size_t{1} << 30;                                         ///< bytes of one output file
  Duration time_limit = std::chrono::hours(24);  ///< from the submission to the end
  enum class Webhooks : std::uint8_t { automatic, on, off };
  Webhooks webhooks = Webhooks::automatic;  ///< automatic: on where this server can be reached from the internet
  /// How often one that webhooks tell of is asked for all the same.
  Duration safety_poll = std::chrono::minutes(1);
  /// What the URLs of webhooks begin with, on this server; a token follows. Empty: there are none.
  std::string webhook_url = {};
};

}  // namespace hekto::runners::replicate
