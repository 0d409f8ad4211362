// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "async/stop.h"
#include "async/task.h"
#include "base/error.h"
#include "domain/model.h"
#include "domain/prediction.h"
#include "domain/value.h"
#include "ports/file_store.h"

namespace hekto::ports {

/// A file that a run produced, not stored yet.
struct ProducedFile {
  std::string name;          ///< such as "out-0.webp"; [A-Za-z0-9._-], 1-100 characters
  std::string content_type;  ///< such as "image/webp"
  std::string bytes;
};

/// A file that an input names, at hand: of a data: URL, uploaded by the prediction's own account, an output behind a
/// link of this server, or fetched.
struct InputFile {
  std::string pointer;       ///< where in the input it is named: a JSON Pointer such as "/image" or "/images/0"
  std::string name;          ///< for people and for a model that wants a file name; no slashes
  std::string content_type;  ///< such as "image/png"
  std::shared_ptr<StoredFile> content;
  std::string sha256 = {};  ///< of the content, 64 lower-case hex characters, where it is known; else empty
};

/// Takes what a run produces, in order. Used on the run's own thread. Each call returns once the service has taken
/// note; an error (canceled: the prediction ended meanwhile; storage) means the run should stop.
class RunSink {
 public:
  virtual ~RunSink() = default;
  /// The model runs now: starting -> processing. Before any output.
  virtual async::Task<Result<void>> started() = 0;
  virtual async::Task<Result<void>> log(std::string text) = 0;
  /// Output item `index` of a list, or the value (index 0, list = false): plain JSON.
  virtual async::Task<Result<void>> output_json(std::size_t index, bool list, std::string json) = 0;
  /// The same, being a file. Stored and synced before it becomes visible.
  virtual async::Task<Result<void>> output_file(std::size_t index, bool list, ProducedFile file) = 0;
};

struct RunRequest {
  std::string prediction_id;
  const domain::Model* model = nullptr;      ///< lives as long as the run
  const domain::Version* version = nullptr;  ///< likewise
  /// Set: train the version instead of running it. The run's output is the trained weights: one file, or one URL, as
  /// the value. The service makes the new version when the run succeeds.
  std::optional<domain::TrainingTarget> training;
  domain::Value input;           ///< valid against version->input, or ->training; defaults not filled in
  std::vector<InputFile> files;  ///< of the input's URLs those whose content is known here
  int attempt = 1;               ///< above 1: an earlier attempt was interrupted
  std::size_t items_done = 0;    ///< output items that an earlier attempt already delivered
  std::string steering;          ///< a test's wishes, see domain/steering.h; for the sandbox alone
  async::StopToken stop;         ///< canceled, deadline passed, or shutting down
};

struct RunSucceeded {
  std::string metrics;          ///< as domain::Prediction::metrics
  std::optional<Time> at = {};  ///< of one that is relayed: as the upstream says
  std::string made = {};        ///< as domain::Succeeded::made
};
struct RunFailed {
  std::string error;
  std::string metrics;
  std::optional<Time> at = {};  ///< likewise
};
/// Stopped because `stop` was requested, or interrupted through no fault of the input: says nothing about the result.
struct RunInterrupted {};
using RunOutcome = std::variant<RunSucceeded, RunFailed, RunInterrupted>;

/// A kind of back end that can execute a prediction. Any thread may call run(); calls overlap.
class Runner {
 public:
  virtual ~Runner() = default;
  /// Short name for logs and metrics, such as "sandbox".
  virtual std::string_view name() const = 0;
  /// Whether a lost run may be started again without being seen twice by anybody.
  virtual bool idempotent() const = 0;
  /// Whether http and https URLs in inputs are left to it, which then must hold its own requests to the address policy
  /// or leave them to a back end elsewhere. Otherwise they are fetched, and RunRequest::files has the content.
  virtual bool takes_urls() const { return false; }
  /// Runs the model to its end. Calls sink.started() once, unless it fails before, then logs and output in order;
  /// output items below request.items_done may be left out. Returns soon (well under a second) after request.stop was
  /// requested, or after the sink refused, with RunInterrupted. Never throws.
  virtual async::Task<RunOutcome> run(RunRequest request, RunSink& sink) = 0;
};

}  // namespace hekto::ports
