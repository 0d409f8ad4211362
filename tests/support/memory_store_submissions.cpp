// SPDX-License-Identifier: Apache-2.0
#include "tests/support/memory_store.h"

namespace hekto::test {

using async::Task;
using domain::Prediction;

Task<Result<void>> MemoryStore::discard(ports::Lease lease, std::string mark_scope) {
  std::scoped_lock lock(mutex_);
  const auto place = places_.find(lease.prediction_id);
  if (place == places_.end()) co_return fail(ErrorCode::not_found, "no such prediction");
  const auto& p = predictions_[place->second];
  if (domain::is_terminal(p.status) || p.epoch != lease.epoch) co_return fail(ErrorCode::conflict, "ended or stale");
  std::erase_if(marks_, [&](const KeptMark& kept) {
    return !mark_scope.empty() && kept.mark.scope == mark_scope && kept.prediction_id == lease.prediction_id;
  });
  predictions_.erase(predictions_.begin() + static_cast<std::ptrdiff_t>(place->second));
  places_.clear();
  for (std::size_t i = 0; i < predictions_.size(); ++i) places_.emplace(predictions_[i].id, i);
  co_return Result<void>();
}

Task<Result<Prediction>> MemoryStore::note_submission(std::string id, domain::Event event, Time now) {
  std::scoped_lock lock(mutex_);
  const bool is_note =
      std::holds_alternative<domain::Submitted>(event) || std::holds_alternative<domain::SubmissionDropped>(event) ||
      std::holds_alternative<domain::CancelRelayed>(event) || std::holds_alternative<domain::SubmissionSettled>(event);
  if (!is_note) co_return fail(ErrorCode::invalid_input, "does not concern a submission");
  const auto place = places_.find(id);
  if (place == places_.end()) co_return fail(ErrorCode::not_found, "no such prediction");
  auto noted = domain::apply(predictions_[place->second], event, now);
  if (noted) predictions_[place->second] = *noted;
  co_return noted;
}

Task<Result<std::vector<std::string>>> MemoryStore::owed_cancels(std::size_t limit) {
  std::scoped_lock lock(mutex_);
  std::vector<std::string> found;
  for (const auto& p : predictions_) {
    if (found.size() < limit && p.submission && p.submission->cancel_owed) found.push_back(p.id);
  }
  co_return found;
}

Task<Result<std::vector<Prediction>>> MemoryStore::unknown_submissions(std::size_t limit) {
  std::scoped_lock lock(mutex_);
  std::vector<Prediction> found;
  for (auto p = predictions_.rbegin(); p != predictions_.rend(); ++p) {
    const auto& submission = p->submission;
    const bool open = submission && submission->state == domain::Submission::State::unknown && !submission->settled;
    if (open && found.size() < limit) found.push_back(*p);
  }
  co_return found;
}

Task<Result<std::string>> MemoryStore::find_by_remote_id(std::string upstream, std::string remote_id) {
  std::scoped_lock lock(mutex_);
  for (const auto& p : predictions_) {
    if (p.submission && p.submission->upstream == upstream && p.submission->remote_id == remote_id) co_return p.id;
  }
  co_return fail(ErrorCode::not_found, "no prediction has this id at the upstream");
}

}  // namespace hekto::test
