// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "domain/prediction.h"
#include "domain/value.h"

namespace hekto::runners::replicate {

/// A prediction or a training as an upstream shows it at one moment.
struct Snapshot {
  std::string id;
  std::string status;  ///< as it says; see `state`
  /// nullopt: a status that is not known here. It may still be at work, or have ended in a way that is new.
  std::optional<domain::Status> state;
  std::string model;    ///< empty when absent
  std::string version;  ///< likewise
  domain::Value input;
  domain::Value output;
  std::string logs;
  std::string error;    ///< empty: none; an object's detail, else its text
  std::string metrics;  ///< members as JSON text without braces
  bool data_removed = false;
  /// It has the members that an end is told by: output and logs.
  bool whole = false;
  std::string stream_url;  ///< empty: none
  std::optional<Time> created_at, started_at, completed_at;
};

/// Reads the object that a create, a get, a list or a webhook shows. upstream when it is no such object: it has no id,
/// no status, or members of other types than they may have.
Result<Snapshot> parse_snapshot(std::string_view json);
Result<Snapshot> read_snapshot(const domain::Value& value);

/// Whether it shows an end, also one of a kind that is not known here.
bool is_end(const Snapshot& snapshot);
/// Whether `late` shows an earlier state than `kept`: answers and webhooks overtake one another.
bool is_older(const Snapshot& late, const Snapshot& kept);

/// Tells states apart without keeping them. `whole` covers logs, output and error, and is none (0) of a state that is
/// not whole; `head` covers the rest that may be news. What upstreams write differently each time (the digits of a
/// time, the token of a stream's URL) is in neither.
struct Fingerprint {
  std::uint64_t head = 0;
  std::uint64_t whole = 0;
};
Fingerprint fingerprint(const Snapshot& snapshot);

struct SnapshotPage {
  std::vector<Snapshot> items;  ///< those that can be read
  std::string next;             ///< URL of the page of older ones; empty: none
};
/// Reads a list of them. upstream when it is none.
Result<SnapshotPage> parse_page(std::string_view json);

}  // namespace hekto::runners::replicate
