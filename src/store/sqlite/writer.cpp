// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/writer.h"

#include <algorithm>
#include <exception>
#include <pthread.h>

#include <sqlite3.h>

#include "base/log.h"

namespace hekto::store {
namespace {

/// 32 MB of log: large enough to make checkpoints rare, small enough to read through quickly after a crash.
constexpr int kCheckpointPages = 4000;
/// A log this long means that passive checkpoints keep meeting readers; then it is worth waiting for them.
constexpr int kForcedCheckpointPages = 4 * kCheckpointPages;
constexpr int kBusyMillis = 5000;
constexpr int kForcedCheckpointMillis = 100;

constexpr const char* kStopped = "the store stopped writing after a failure and must be opened anew";

}  // namespace

Writer::Writer(Connection connection, std::size_t queue_limit, std::size_t group_limit)
    : connection_(std::move(connection)),
      queue_limit_(queue_limit),
      group_limit_(group_limit),
      checkpoint_at_(kCheckpointPages) {
  sqlite3_wal_hook(
      connection_.handle(),
      [](void* pages, sqlite3*, const char*, int now) {
        *static_cast<int*>(pages) = now;
        return SQLITE_OK;
      },
      &log_pages_);
  thread_ = std::thread([this] { loop(); });
  pthread_setname_np(thread_.native_handle(), "hekto-writer");
}

Writer::~Writer() {
  {
    std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

WriterStats Writer::stats() const {
  std::scoped_lock lock(mutex_);
  return stats_;
}

bool Writer::broken() const {
  std::scoped_lock lock(mutex_);
  return broken_;
}

void Writer::submit(std::unique_ptr<Job> job) {
  const char* refusal = nullptr;
  {
    std::scoped_lock lock(mutex_);
    if (broken_) {
      refusal = kStopped;
    } else if (queue_.size() >= queue_limit_) {
      refusal = "too many changes are waiting to be written";
    } else {
      queue_.push_back(std::move(job));
      // With more in the queue the writer is awake, or about to be.
      if (queue_.size() == 1) wake_.notify_one();
    }
  }
  if (refusal != nullptr) job->refuse({ErrorCode::unavailable, refusal});
}

void Writer::loop() {
  std::vector<std::unique_ptr<Job>> group;
  while (take(group)) {
    if (commit(group)) checkpoint_when_due();
    group.clear();
  }
}

bool Writer::take(std::vector<std::unique_ptr<Job>>& group) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
  const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), group_limit_));
  group.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.begin() + count));
  queue_.erase(queue_.begin(), queue_.begin() + count);
  return !group.empty();
}

bool Writer::commit(std::vector<std::unique_ptr<Job>>& group) {
  if (gave_up_) {
    for (auto& job : group) job->refuse({ErrorCode::unavailable, kStopped});
    return false;
  }
  try {
    Query(connection_, "BEGIN IMMEDIATE").run();
  } catch (const DatabaseFault& fault) {
    if (!fault.busy()) give_up("a transaction could not begin", fault);
    for (auto& job : group)
      job->refuse({ErrorCode::unavailable, std::string("the store cannot write: ") + fault.what()});
    return false;
  }
  try {
    for (auto& job : group) perform(*job);
    Query(connection_, "COMMIT").run();
  } catch (const DatabaseFault& fault) {
    give_up("a transaction failed", fault);
    const Error error{ErrorCode::storage, std::string("the change could not be stored: ") + fault.what()};
    for (auto& job : group) job->refuse(error);
    return false;
  }
  {
    std::scoped_lock lock(mutex_);
    ++stats_.commits;
    stats_.jobs += group.size();
  }
  for (auto& job : group) job->answer();
  return true;
}

void Writer::perform(Job& job) {
  const bool savepoint = job.changes == Changes::several;
  if (savepoint) Query(connection_, "SAVEPOINT job").run();
  bool fine = false;
  try {
    fine = job.perform(connection_);
  } catch (const DatabaseFault&) {
    throw;
  } catch (const std::exception& fault) {
    // A bug that one job brings to light must not take the others of its group along.
    log::error("a change to the store ended by an exception", {{"what", fault.what()}});
    job.spoil({ErrorCode::internal, "the change could not be made"});
  }
  if (!savepoint) return;
  if (!fine) Query(connection_, "ROLLBACK TO job").run();
  Query(connection_, "RELEASE job").run();
}

void Writer::checkpoint_when_due() {
  // A shorter log than the last checkpoint left behind means that SQLite began it anew.
  if (checkpoint_at_ - kCheckpointPages > log_pages_) checkpoint_at_ = kCheckpointPages;
  if (log_pages_ < checkpoint_at_) return;
  const bool forced = log_pages_ >= kForcedCheckpointPages;
  if (forced) sqlite3_busy_timeout(connection_.handle(), kForcedCheckpointMillis);
  const int code = sqlite3_wal_checkpoint_v2(
      connection_.handle(), nullptr, forced ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (forced) sqlite3_busy_timeout(connection_.handle(), kBusyMillis);
  checkpoint_at_ = log_pages_ + kCheckpointPages;
  if (code == SQLITE_OK || (code & 0xFF) == SQLITE_BUSY) return;
  // A sync that failed must not be tried again as if nothing had happened: the kernel may have dropped the pages.
  give_up("a checkpoint failed", DatabaseFault(code, sqlite3_errmsg(connection_.handle())));
}

void Writer::give_up(const char* what, const DatabaseFault& fault) {
  log::error("the store stops writing", {{"what", what}, {"reason", fault.what()}});
  gave_up_ = true;
  {
    std::scoped_lock lock(mutex_);
    broken_ = true;
  }
  sqlite3_db_config(connection_.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (!connection_.in_transaction()) return;
  try {
    Query(connection_, "ROLLBACK").run();
  } catch (const DatabaseFault& again) {
    log::error("the failed transaction could not be undone", {{"reason", again.what()}});
  }
}

}  // namespace hekto::store
