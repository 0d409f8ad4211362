// SPDX-License-Identifier: Apache-2.0
#include "service/run_sink.h"

#include <algorithm>

#include "base/log.h"

namespace hekto::service {

RunSink::RunSink(ports::Store& store, ports::FileStore& files, const ports::Clock& clock, domain::Prediction claimed,
                 Duration commit_every, Publish publish, std::function<void()> on_waiting, LiveFiles* live)
    : store_(store),
      files_(files),
      clock_(clock),
      current_(std::move(claimed)),
      commit_every_(commit_every),
      publish_(std::move(publish)),
      on_waiting_(std::move(on_waiting)),
      live_(live),
      committed_at_(clock.now()) {}

RunSink::~RunSink() {
  for (const auto& [index, file] : live_here_) {
    live_->remove(current_.id, index);
    file->give_up();
  }
}

async::Task<Result<void>> RunSink::started() { co_return co_await add(domain::Started{}, true); }

async::Task<Result<void>> RunSink::log(std::string text) {
  co_return co_await add(domain::Logged{std::move(text)}, false);
}

async::Task<Result<void>> RunSink::output_json(std::size_t index, bool list, std::string json) {
  co_return co_await add(domain::Produced{index, list, std::move(json), {}}, false);
}

async::Task<Result<void>> RunSink::output_file(std::size_t index, bool list, ports::ProducedFile file) {
  domain::OutputFile row{std::move(file.name), std::move(file.content_type), file.bytes.size(), {}};
  // Bytes first, row after: a row never names a file that a power loss could take away.
  auto key = co_await files_.put(current_.id, std::move(file.bytes));
  if (!key) {
    log::error("output file could not be stored", {{"prediction", current_.id}, {"error", key.error().message}});
    co_return std::unexpected(key.error());
  }
  row.sha256 = key->sha256;
  domain::Produced event{index, list, domain::file_placeholder(0), {std::move(row)}};
  co_return co_await add(std::move(event), true);
}

async::Task<Result<void>> RunSink::submitting(domain::Submitting intent) {
  co_return co_await add(std::move(intent), true);
}

async::Task<Result<void>> RunSink::submitted(domain::Submitted accepted) {
  auto committed = co_await add(accepted, true);
  if (committed || committed.error().code != ErrorCode::canceled) co_return committed;
  // It ended while its create was under way. Without the id nobody could tell the upstream.
  if (auto noted = co_await store_.note_submission(current_.id, std::move(accepted), clock_.now()); !noted) {
    log::error("the upstream's id of an ended prediction could not be kept",
               {{"prediction", current_.id}, {"error", noted.error().message}});
  }
  co_return committed;
}

async::Task<Result<void>> RunSink::dropped(std::string attempt) {
  domain::SubmissionDropped event{std::move(attempt)};
  auto committed = co_await add(event, true);
  if (committed || committed.error().code != ErrorCode::canceled) co_return committed;
  (void)co_await store_.note_submission(current_.id, std::move(event), clock_.now());
  co_return committed;
}

async::Task<Result<void>> RunSink::started_at(std::optional<Time> at) {
  co_return co_await add(domain::Started{at}, true);
}

void RunSink::waiting() {
  if (on_waiting_) on_waiting_();
}

std::shared_ptr<ports::ArrivingFile> RunSink::receive() { return std::make_shared<LiveFile>(files_, current_.id); }

async::Task<Result<void>> RunSink::output_arriving(std::size_t index, bool list, std::string json,
                                                   std::vector<ports::Arriving> files) {
  if (live_ == nullptr) co_return Result<void>{};
  // Output that is shown but not committed could not be told from what is on its way, when the prediction is canceled.
  const bool has_output = std::ranges::any_of(
      pending_, [](const domain::Event& event) { return std::holds_alternative<domain::Produced>(event); });
  if (has_output) {
    if (auto committed = co_await commit(); !committed) co_return committed;
  }
  std::size_t first = current_.output.files.size();
  for (const auto& item : arriving_) first += item.files.size();
  domain::Produced item{index, list, std::move(json), {}};
  for (auto& file : files) {
    item.files.push_back({file.name, std::move(file.content_type), file.length.value_or(0), {}});
    auto live = std::dynamic_pointer_cast<LiveFile>(std::move(file.file));
    live_->show(current_.id, first, {std::move(file.name), live});
    live_here_.emplace(first++, std::move(live));
  }
  arriving_.push_back(std::move(item));
  show();
  co_return Result<void>{};
}

async::Task<Result<void>> RunSink::output_stored(std::size_t index, bool list, std::string json,
                                                 std::vector<domain::OutputFile> files) {
  co_return co_await add(domain::Produced{index, list, std::move(json), std::move(files)}, true);
}

async::Task<Result<void>> RunSink::add(domain::Event event, bool commit_now) {
  auto next = domain::apply(current_, event, clock_.now());
  if (!next) co_return std::unexpected(next.error());
  pending_.push_back(std::move(event));
  current_ = std::move(*next);
  if (commit_now || clock_.now() - committed_at_ >= commit_every_) co_return co_await commit();
  show();
  co_return Result<void>{};
}

async::Task<Result<void>> RunSink::commit() {
  auto events = std::move(pending_);
  pending_.clear();
  auto recorded = co_await store_.record({current_.id, current_.epoch}, std::move(events), clock_.now());
  if (!recorded) {
    if (recorded.error().code == ErrorCode::conflict)
      co_return fail(ErrorCode::canceled, "the prediction ended meanwhile");
    log::error("progress could not be committed", {{"prediction", current_.id}, {"error", recorded.error().message}});
    co_return std::unexpected(recorded.error());
  }
  current_ = std::move(*recorded);
  committed_at_ = clock_.now();
  show();
  drop_stored();
  co_return Result<void>{};
}

/// What is here with what is on its way behind it.
void RunSink::show() {
  std::erase_if(arriving_, [&](const auto& item) { return item.index < current_.output.items.size(); });
  if (arriving_.empty() || domain::is_terminal(current_.status)) return publish_(current_);
  auto shown = current_;
  for (const auto& item : arriving_) {
    auto next = domain::apply(shown, item, clock_.now());
    if (!next) break;
    shown = std::move(*next);
  }
  publish_(shown);
}

/// After readers were shown where they are now: nobody finds them in neither place.
void RunSink::drop_stored() {
  while (!live_here_.empty() && live_here_.begin()->first < current_.output.files.size()) {
    live_->remove(current_.id, live_here_.begin()->first);
    live_here_.erase(live_here_.begin());
  }
}

async::Task<Result<void>> RunSink::settle() {
  if (pending_.empty()) co_return Result<void>{};
  co_return co_await commit();
}

async::Task<void> RunSink::finish(domain::Event end) {
  pending_.push_back(std::move(end));
  (void)co_await commit();
}

}  // namespace hekto::service
