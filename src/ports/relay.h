// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ports/runner.h"

namespace hekto::ports {

/// What an upstream said instead of taking a create: an answer of the official form, free of all that is its own.
struct Refusal {
  int status = 0;    ///< 400-499
  std::string body;  ///< application/problem+json
};

/// A place for one submission at an account of an upstream; given back when it is destroyed. Any thread.
class RelayPlace {
 public:
  virtual ~RelayPlace() = default;
  virtual const std::string& upstream() const = 0;  ///< as the operator named it
  virtual const std::string& account() const = 0;   ///< likewise
};

/// A file of an output item on its way from an upstream. Once its item is shown, whoever has its link reads what has
/// come, and the rest as it comes. Dropped before finish() has returned, it leaves nothing behind.
class ArrivingFile {
 public:
  virtual ~ArrivingFile() = default;
  /// It begins, with the first byte; after broke() it begins anew. On the run's thread. storage when the disk refuses.
  virtual async::Task<Result<void>> begin() = 0;
  /// What is known of the content before any of it: `length` in bytes, when it is announced. After each begin(), on any
  /// thread.
  virtual void describe(std::string content_type, std::optional<std::uint64_t> length) = 0;
  /// Blocks on the disk. storage when it refuses. One thread at a time.
  virtual Result<void> append(std::string_view bytes) = 0;
  /// Bytes since begin().
  virtual std::uint64_t size() const = 0;
  /// What came since begin() is not whole, and nothing more will come of it.
  virtual void broke() = 0;
  /// All of it has come: readers get to the end. A value once it is synced. Call once, with nothing after it.
  virtual async::Task<Result<FileKey>> finish() = 0;
};

/// A file whose content has begun to come.
struct Arriving {
  std::string name;  ///< as domain::OutputFile::name
  std::string content_type;
  std::optional<std::uint64_t> length = {};  ///< as announced
  std::shared_ptr<ArrivingFile> file;
};

/// Takes what a relayed run brings. Used on the run's own thread, one call at a time.
class RelaySink : public RunSink {
 public:
  /// Committed when it returns a value; only then may anything be sent that the upstream could act upon.
  virtual async::Task<Result<void>> submitting(domain::Submitting intent) = 0;
  /// Committed when it returns a value. canceled: the prediction ended meanwhile, and the upstream's id is noted all
  /// the same, so that it can be told. storage: not known; the submission is looked up after the next start.
  virtual async::Task<Result<void>> submitted(domain::Submitted accepted) = 0;
  /// Nothing was taken, and nothing will be. Committed when it returns a value.
  virtual async::Task<Result<void>> dropped(std::string attempt) = 0;
  /// As started(), at the time that the upstream says.
  virtual async::Task<Result<void>> started_at(std::optional<Time> at) = 0;
  /// The work waits its turn: whoever waits for the upstream's word is answered without it.
  virtual void waiting() = 0;
  /// A file of this prediction, to be filled. The bytes of one that is never named by output_stored are garbage.
  virtual std::shared_ptr<ArrivingFile> receive() = 0;
  /// An output item, or the value, whose files receive() gave and which are described: readers are shown it, with the
  /// links that it keeps, though nothing of it is committed. In the order of the items; output_stored follows for each,
  /// with the same json and names, unless the run ends before.
  virtual async::Task<Result<void>> output_arriving(std::size_t index, bool list, std::string json,
                                                    std::vector<Arriving> files) = 0;
  /// An output item, or the value, in which `files` stand as placeholders: those that receive() gave, finished.
  virtual async::Task<Result<void>> output_stored(std::size_t index, bool list, std::string json,
                                                  std::vector<domain::OutputFile> files) = 0;
};

/// Told that a parked run is to go on. Any thread; does not block.
class RelayWaker {
 public:
  virtual ~RelayWaker() = default;
  /// `id`: of the prediction.
  virtual void wake(std::string_view id) = 0;
};

/// What is kept of a run that waits for news and has nothing else to do: enough to go on without it. The prediction is
/// followed meanwhile, and counts as open at its account. Destroyed, it gives both up. Any thread.
class ParkedRun {
 public:
  virtual ~ParkedRun() = default;
  virtual std::string_view id() const = 0;  ///< of the prediction
  virtual std::int64_t epoch() const = 0;   ///< under which it was claimed, and still is
  /// Calls `waker` once, as soon as there is something that was not delivered before the run was parked: at once when
  /// there is already. Repeats of what is known are none. Call once.
  virtual void watch(std::shared_ptr<RelayWaker> waker) = 0;
};

struct RelayRequest {
  std::shared_ptr<const domain::Prediction> prediction;  ///< as it was claimed; `relay` is set
  /// Set: of a submission that is intended already, and of which nothing was sent yet. Otherwise an intended one may
  /// have been sent by an earlier process.
  std::shared_ptr<RelayPlace> place;
  bool client_waits = false;             ///< nobody has been told of it yet; until waiting() is called
  std::vector<InputFile> files;          ///< those of the input's strings that name files held here
  std::optional<Refusal> invalid_input;  ///< what to answer with instead of letting it wait
  async::StopToken stop;                 ///< the prediction ended by other means, or the process stops
  async::StopToken closing;              ///< the process stops
  /// Set: the run goes on where it was parked, with the prediction as it was committed then.
  std::shared_ptr<ParkedRun> parked = {};
};

/// The upstream refused: nothing was taken, and no other account would take it.
struct RelayRefused {
  Refusal refusal;
};
/// Whether the upstream took it cannot be learnt.
struct RelayUnknown {
  std::string error;  ///< for the client
};
/// The upstream says that it was canceled, or aborted before it began.
struct RelayCanceled {
  std::optional<Time> at = {};
  bool aborted = false;  ///< before it began
};
/// It ran longer than the upstream is allowed to.
struct RelayTimedOut {
  std::string error;  ///< for the client
};
/// The upstream has it, and nothing was new for a while. Once all that the sink took is committed the run may be
/// forgotten but for this.
struct RelayParked {
  std::shared_ptr<ParkedRun> run;
};
using RelayOutcome = std::variant<RunSucceeded, RunFailed, RunInterrupted, RelayRefused, RelayUnknown, RelayCanceled,
                                  RelayTimedOut, RelayParked>;

/// Upstreams that run predictions for us. Any thread; calls overlap by the ten thousand.
class Relay {
 public:
  virtual ~Relay() = default;
  /// A place that is free at this moment for a submission of `target` made with key `key_id`, out of turn for nobody;
  /// nullptr when work has to wait, or is to be answered before it is submitted. Does not block.
  virtual std::shared_ptr<RelayPlace> try_place(const domain::RelayTarget& target, const std::string& key_id) = 0;
  /// Follows a prediction from wherever its submission stands to its end, or until it is parked. Submits at most once,
  /// unless the upstream is declared idempotent or has proved that it took nothing. On request.stop it returns
  /// RunInterrupted soon, but not before the answer to a create that is under way has been noted; where that was lost,
  /// not before the upstream's id has been looked for, so that the upstream can be told of the end. On request.closing
  /// it does not wait for that. Never throws.
  virtual async::Task<RelayOutcome> run(RelayRequest request, RelaySink& sink) = 0;
  /// Tells the upstream of a submission that what it may be at work on is not wanted any more; one that is still
  /// intended is looked up first. A value when the upstream knows, or has ended it, or has nothing of it; unavailable,
  /// timeout or upstream: to be tried again.
  virtual async::Task<Result<void>> cancel(std::shared_ptr<const domain::Prediction> ended) = 0;
};

}  // namespace hekto::ports
