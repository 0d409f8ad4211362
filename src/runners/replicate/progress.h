// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/prediction.h"
#include "runners/replicate/options.h"
#include "runners/replicate/scrub.h"
#include "runners/replicate/snapshot.h"

namespace hekto::runners::replicate {

/// What is new about a relayed prediction, in the order in which it is to be delivered.
struct StepStart {
  std::optional<Time> at;
};
struct StepLog {
  std::string text;
};
/// An output item, or the value. Where `files` is not empty, its placeholders (domain::file_placeholder) stand in
/// `json`.
struct StepItem {
  std::size_t index = 0;
  bool list = false;
  std::string json;
  std::vector<std::string> files;  ///< URLs, http, https or data:, of the placeholders in order
};
struct StepSucceeded {
  std::string metrics;
  std::optional<Time> at;
};
struct StepFailed {
  std::string error;
  std::string metrics;
  std::optional<Time> at;
};
struct StepCanceled {
  std::optional<Time> at;
  bool aborted = false;  ///< before it began
};
using Step = std::variant<StepStart, StepLog, StepItem, StepSucceeded, StepFailed, StepCanceled>;

/// Turns the states that an upstream shows, each of them whole, into what is new since the last. Whatever comes late or
/// goes backwards adds nothing. While it runs, a list is delivered item by item; a value may still change, and is
/// delivered at the end.
class Progress {
 public:
  /// Goes on from what `delivered` has. Both outlive this.
  Progress(const UpstreamOptions& upstream, const Scrubber& scrubber, const domain::Prediction& delivered);

  std::vector<Step> on_snapshot(const Snapshot& snapshot);
  /// Text that came by an event stream, ahead of the states: an item of its own.
  std::vector<Step> on_text(std::string text);
  bool ended() const { return ended_; }

 private:
  void add_logs(const std::string& logs, bool final, std::vector<Step>& steps);
  void add_output(const domain::Value& output, bool final, std::vector<Step>& steps);
  StepItem item(std::size_t index, bool list, const domain::Value& value) const;
  bool is_file(const std::string& text) const;
  bool passes_on(const std::string& text) const;
  void append(std::string& out, const domain::Value& value, std::vector<std::string>& files) const;

  const UpstreamOptions& upstream_;
  const Scrubber& scrubber_;
  bool started_;
  bool start_known_;  // the upstream has said when; until then a start is told again with its time
  bool ended_ = false;
  std::string logs_;        // of the upstream, as far as they are delivered; cleaned
  std::size_t items_;       // delivered
  std::string joined_;      // the delivered items, while all are texts
  bool by_stream_ = false;  // some of them came by an event stream, which may cut the text elsewhere
};

}  // namespace hekto::runners::replicate
