// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "domain/submission.h"
#include "domain/trained_version.h"
#include "domain/webhook.h"

namespace hekto::domain {

enum class Status : std::uint8_t { starting, processing, succeeded, failed, canceled, aborted };

std::string_view to_string(Status status);
std::optional<Status> parse_status(std::string_view text);
/// Terminal states never change again, except that a purge empties the data.
constexpr bool is_terminal(Status status) { return status >= Status::succeeded; }

/// What the event stream of a prediction carries.
enum class StreamKind : std::uint8_t { none, text, files };

/// What a client is told when work was lost more often than kMaxAttempts allows.
inline constexpr std::string_view kInterruptedError = "Prediction interrupted; please retry (code: PA)";
/// Counted before the work starts, so that an input which crashes the process uses its attempts up.
inline constexpr int kMaxAttempts = 3;

/// A file that belongs to a prediction. Its bytes lie in the FileStore under (prediction id, sha256).
struct OutputFile {
  std::string name;          ///< the last segment of its link, such as "out-0.webp"
  std::string content_type;  ///< such as "image/webp"
  std::uint64_t size = 0;    ///< bytes
  std::string sha256;        ///< 64 hex characters; empty: it is on its way, and only readers know of it
  friend bool operator==(const OutputFile&, const OutputFile&) = default;
  bool is_arriving() const { return sha256.empty(); }
};

/// What a prediction has produced so far. Each item is a JSON text in which a file is written as the string
/// "\x01<index into files>\x01": a raw control character cannot occur in JSON text, so model output cannot forge one.
struct Output {
  bool is_list = false;            ///< a list grows item by item; otherwise there is at most one item, the value
  std::vector<std::string> items;  ///< JSON texts
  std::vector<OutputFile> files;
  bool empty() const { return items.empty(); }
  friend bool operator==(const Output&, const Output&) = default;
};

/// The JSON text that stands for file `index` in an Output item.
std::string file_placeholder(std::size_t index);

/// One run of a model, as the API shows it plus what Hekto keeps for itself. A value: copy, compare, print.
struct Prediction {
  // The API's.
  std::string id;
  std::string model;    ///< "owner/name"
  std::string version;  ///< 64 hex characters
  std::string input;    ///< the input object as sent, as compact JSON text
  Output output;
  std::string logs;
  std::optional<std::string> error;  ///< set exactly when failed
  Status status = Status::starting;
  Time created_at{};
  std::optional<Time> started_at;
  std::optional<Time> completed_at;
  std::optional<Time> deadline;  ///< from Cancel-After
  std::string deployment;        ///< name of the deployment that it was made through; empty: none
  /// Further members as JSON text without braces: "\"image_output_count\":1"; may be empty. Of one that is relayed: all
  /// of them, as the upstream gave them.
  std::string metrics;
  bool data_removed = false;
  StreamKind stream = StreamKind::none;  ///< decides whether there is a urls.stream, and its form
  std::optional<Webhook> webhook;
  /// Set: this is a training. Its model and version are what is trained, its one output item the weights.
  std::optional<TrainingTarget> training;

  // Hekto's own.
  std::string account;     ///< owning account id
  std::string key_id;      ///< key that created it
  bool test = false;       ///< made with a test key: always runs in the sandbox
  std::int64_t epoch = 0;  ///< fencing number of the current lease; 0 before the first claim
  int attempts = 0;        ///< claims so far
  std::string steering;    ///< how a test steers the sandbox, see domain/steering.h; goes when the data is purged
  std::optional<RelayTarget> relay;      ///< set: it runs at an upstream, not here
  UpstreamTimes upstream_times;          ///< of one that is relayed
  std::optional<Submission> submission;  ///< of one that is relayed; none while it waits its turn

  friend bool operator==(const Prediction&, const Prediction&) = default;
};

/// Seconds of predict_time and total_time (completed - started, completed - created), clamped at 0.
double predict_seconds(const Prediction& p);
double total_seconds(const Prediction& p);

// Events: everything that can happen to a prediction after its creation.

/// A worker takes the work. The epoch goes up by one, and so do attempts, unless the work is done elsewhere: taking it
/// up again is no further attempt then.
struct Claimed {};
/// The model began to run: starting -> processing. A repeat (after a restart) keeps the first started_at.
struct Started {
  std::optional<Time> at = {};  ///< as the upstream says
};
/// Text to append to the logs.
struct Logged {
  std::string text;
};
/// Output item `index` (of a list), or the value (index 0, list = false). An index already present is ignored, so
/// that a run which is repeated after a restart only ever adds. `json` names files as placeholders 0…files.size()-1 of
/// this event; they are renumbered when applied.
struct Produced {
  std::size_t index = 0;
  bool list = true;
  std::string json;
  std::vector<OutputFile> files;
};
struct Succeeded {
  std::string metrics;          ///< as Prediction::metrics
  std::optional<Time> at = {};  ///< as the upstream says
  std::string made = {};        ///< of a relayed training: "owner/name:<version>" that it made there; empty: none
};
struct Failed {
  std::string error;  ///< never empty
  std::string metrics;
  bool stop_upstream = false;   ///< an upstream may go on with it, and is to be told
  std::optional<Time> at = {};  ///< as the upstream says
};
/// Asked by the owner, or by whoever owns the account at the upstream.
struct Canceled {
  /// What readers have been shown and the store may not have yet; null: nothing beyond what the store has. Of the same
  /// epoch, its longer logs and output are kept, so that the end never takes back what somebody has read.
  std::shared_ptr<const Prediction> shown = nullptr;
  bool by_upstream = false;     ///< the upstream itself says so, and need not be told
  std::optional<Time> at = {};  ///< as the upstream says
  bool aborted = false;         ///< the upstream says that it ended before it began; holds where it had not, here
};
/// The Cancel-After deadline passed: aborted when it had not started, else canceled.
struct DeadlinePassed {
  std::shared_ptr<const Prediction> shown = nullptr;  ///< as Canceled::shown
};
/// It is about to be handed to an upstream. Only of one that is relayed and has no submission.
struct Submitting {
  std::string upstream;
  std::string account;
  std::string attempt;  ///< as Submission::attempt
};
/// The upstream took it. Of an ended prediction whose submission is this one, only the id is kept.
struct Submitted {
  std::string attempt;
  std::string remote_id;
  std::string model;                      ///< as the upstream says; empty: as it is
  std::string version;                    ///< likewise
  std::optional<StreamKind> stream = {};  ///< likewise
  std::optional<Time> created_at = {};    ///< likewise
};
/// It is sure that nothing was taken: there is no submission any more. Of an ended prediction too.
struct SubmissionDropped {
  std::string attempt;
};
/// Whether it was taken cannot be learnt: it has failed.
struct SubmissionUnknown {
  std::string attempt;
  std::string error;  ///< never empty
};
/// The upstream has been told that it ended, or need not be told any more. Of ended predictions only.
struct CancelRelayed {
  std::string attempt;
};

/// An operator has seen to a submission that is unknown.
struct SubmissionSettled {
  std::string attempt;
};

/// Retention is over: input, output, logs go, data_removed is set. Terminal predictions only.
struct Purged {};

using Event =
    std::variant<Claimed, Started, Logged, Produced, Succeeded, Failed, Canceled, DeadlinePassed, Purged, Submitting,
                 Submitted, SubmissionDropped, SubmissionUnknown, CancelRelayed, SubmissionSettled>;

/// Returns the prediction after `event`, or why the event is refused (conflict: already terminal, or an impossible
/// order; too_large: logs over kMaxLogBytes are cut, not refused). Pure: `now` is given, nothing is read.
/// The one place where the life of a prediction is decided: store, runners and handlers all call it.
Result<Prediction> apply(Prediction before, const Event& event, Time now);

/// The same without the output from the first file on that is still on its way: what may be relied upon.
Prediction without_arriving(Prediction p);

/// Whether `a` is a later state of the same prediction than `b`: what decides between two copies that were read or
/// written at about the same time and arrive in any order.
bool is_later(const Prediction& a, const Prediction& b);

/// Logs beyond this many bytes are dropped, with a last line that says so.
inline constexpr std::size_t kMaxLogBytes = 1 << 20;

}  // namespace hekto::domain
