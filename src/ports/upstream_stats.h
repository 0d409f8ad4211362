// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace hekto::ports {

/// One account at an upstream, for the operator. Counts are since the start of this process.
struct UpstreamAccountStats {
  std::string name;
  /// "ok"; "throttled": the upstream asks to wait; "failing": it does not answer as it should, and is probed from time
  /// to time; "bad token"; "no credit".
  std::string state = "ok";
  std::optional<Time> until;      ///< of the states but ok: when it is used or probed next
  std::size_t submitting = 0;     ///< creates that wait for the upstream's answer
  std::size_t open = 0;           ///< predictions accepted and unfinished
  std::uint64_t accepted = 0;     ///< creates taken
  std::uint64_t refused = 0;      ///< creates refused for what they are
  std::uint64_t turned_away = 0;  ///< creates not taken for now: 429, 503, no connection
  std::uint64_t ambiguous = 0;    ///< creates whose answer was lost, before they were looked up
  std::uint64_t requests = 0;     ///< all requests sent, creates too
  double creates_left = 0;        ///< creates that may be sent at once
  double creates_a_minute = 0;    ///< as configured, or as learnt from the upstream
  double others_left = 0;         ///< the same of other requests, but for reads of single predictions
  double others_a_minute = 0;
  Duration create_time{};  ///< from sending a create to its answer, smoothed over the last ones; 0: none yet
};

struct UpstreamStats {
  std::string name;
  std::string url;
  std::vector<UpstreamAccountStats> accounts;
};

/// All upstreams, and the work that waits for a place at any of them.
struct RelayStats {
  std::vector<UpstreamStats> upstreams;
  std::size_t waiting = 0;
  std::vector<std::pair<std::string, std::size_t>> waiting_by_key = {};  ///< ids of keys, the next one first
  std::size_t unknown = 0;  ///< submissions ended as unknown, since the start of this process
  /// Those of this process and of earlier ones that no operator has settled; looked up every few seconds, and counted
  /// up to 1,000.
  std::size_t unsettled = 0;
};

}  // namespace hekto::ports
