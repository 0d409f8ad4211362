// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "domain/prediction.h"
#include "ports/clock.h"
#include "ports/file_store.h"
#include "ports/relay.h"
#include "ports/store.h"
#include "service/live_files.h"

namespace hekto::service {

/// Turns what a run produces into the life of its prediction: applies each event to a copy in memory, shows that copy
/// to readers at once, and commits at intervals. What a reader must be able to rely on is committed first: the start,
/// every file, and the end. Used on the run's thread.
class RunSink final : public ports::RelaySink {
 public:
  using Publish = std::function<void(const domain::Prediction&)>;

  /// `claimed` carries the epoch that every write is made under. `on_waiting` is called by waiting(); may be empty.
  /// `live`: where readers find files that are on their way; nullptr: they are shown when they are stored.
  RunSink(ports::Store& store, ports::FileStore& files, const ports::Clock& clock, domain::Prediction claimed,
          Duration commit_every, Publish publish, std::function<void()> on_waiting = {}, LiveFiles* live = nullptr);
  ~RunSink() override;
  RunSink(const RunSink&) = delete;
  RunSink& operator=(const RunSink&) = delete;

  async::Task<Result<void>> started() override;
  async::Task<Result<void>> log(std::string text) override;
  async::Task<Result<void>> output_json(std::size_t index, bool list, std::string json) override;
  async::Task<Result<void>> output_file(std::size_t index, bool list, ports::ProducedFile file) override;

  async::Task<Result<void>> submitting(domain::Submitting intent) override;
  async::Task<Result<void>> submitted(domain::Submitted accepted) override;
  async::Task<Result<void>> dropped(std::string attempt) override;
  async::Task<Result<void>> started_at(std::optional<Time> at) override;
  void waiting() override;
  std::shared_ptr<ports::ArrivingFile> receive() override;
  async::Task<Result<void>> output_arriving(std::size_t index, bool list, std::string json,
                                            std::vector<ports::Arriving> files) override;
  async::Task<Result<void>> output_stored(std::size_t index, bool list, std::string json,
                                          std::vector<domain::OutputFile> files) override;

  /// The prediction as it is here now, committed or not.
  const domain::Prediction& current() const { return current_; }

  /// Commits what is pending, if anything is. canceled: the prediction ended meanwhile.
  async::Task<Result<void>> settle();
  /// Commits what is pending and `end`, in one transaction. A prediction that ended meanwhile by other means stays as
  /// it is; other errors are logged.
  async::Task<void> finish(domain::Event end);

 private:
  async::Task<Result<void>> add(domain::Event event, bool commit_now);
  async::Task<Result<void>> commit();
  void show();
  void drop_stored();

  ports::Store& store_;
  ports::FileStore& files_;
  const ports::Clock& clock_;
  domain::Prediction current_;
  const Duration commit_every_;
  Publish publish_;
  std::function<void()> on_waiting_;
  LiveFiles* const live_;
  std::vector<domain::Event> pending_;                          // applied to current_, not committed
  std::deque<domain::Produced> arriving_;                       // shown beyond current_, in order
  std::map<std::size_t, std::shared_ptr<LiveFile>> live_here_;  // files of arriving_, by their index
  Time committed_at_;
};

}  // namespace hekto::service
