// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "async/completion.h"
#include "base/error.h"
#include "store/sqlite/database.h"

namespace hekto::store {

/// How many statements of a job can change something. One is all or nothing by itself; several need a savepoint.
enum class Changes { one, several };

struct WriterStats {
  std::uint64_t commits = 0;  ///< transactions committed and synced
  std::uint64_t jobs = 0;     ///< jobs inside them
};

/// The one thread that changes the database. It takes whatever is queued (group commit without a timer: while one sync
/// runs, the next group gathers), runs it in one transaction and answers after the commit. After a commit that failed
/// nothing is written any more, because what reached the disk is unknown: the jobs of that group get `storage`, all
/// later ones `unavailable`.
class Writer {
 public:
  Writer(Connection connection, std::size_t queue_limit, std::size_t group_limit);
  /// Does what is queued, then ends the thread and closes the connection.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Runs `work` on the writer's thread inside a transaction; the result arrives on the caller's executor once the
  /// transaction is synced. When `work` returns an error, nothing that it did stays. `work` may throw DatabaseFault.
  /// unavailable at once when the queue is full. Any thread.
  template <class T>
  async::Task<Result<T>> run(Changes changes, std::move_only_function<Result<T>(Connection&)> work) {
    return async::complete<Result<T>>(
        [this, changes, work = std::move(work)](async::Completer<Result<T>> done) mutable {
          submit(std::make_unique<TypedJob<T>>(changes, std::move(work), std::move(done)));
        });
  }

  WriterStats stats() const;
  bool broken() const;

 private:
  struct Job {
    explicit Job(Changes c) : changes(c) {}
    virtual ~Job() = default;
    /// Keeps the result; false when it is an error.
    virtual bool perform(Connection& connection) = 0;
    virtual void answer() = 0;
    virtual void refuse(Error error) = 0;
    /// Replaces the result, before answer().
    virtual void spoil(Error error) = 0;
    Changes changes;
  };

  template <class T>
  struct TypedJob final : Job {
    TypedJob(Changes c, std::move_only_function<Result<T>(Connection&)> w, async::Completer<Result<T>> d)
        : Job(c), work(std::move(w)), done(std::move(d)) {}
    bool perform(Connection& connection) override { return result.emplace(work(connection)).has_value(); }
    void answer() override { done(std::move(*result)); }
    void refuse(Error error) override { done(std::unexpected(std::move(error))); }
    void spoil(Error error) override { result.emplace(std::unexpected(std::move(error))); }
    std::move_only_function<Result<T>(Connection&)> work;
    async::Completer<Result<T>> done;
    std::optional<Result<T>> result;
  };

  void submit(std::unique_ptr<Job> job);
  void loop();
  bool take(std::vector<std::unique_ptr<Job>>& group);
  /// False when the store is, or now became, unable to write.
  bool commit(std::vector<std::unique_ptr<Job>>& group);
  void perform(Job& job);
  void checkpoint_when_due();
  void give_up(const char* what, const DatabaseFault& fault);

  Connection connection_;  // the writer thread's, after construction
  const std::size_t queue_limit_;
  const std::size_t group_limit_;
  bool gave_up_ = false;  // the writer thread's own copy of broken_
  int log_pages_ = 0;     // the writer thread's: pages in the WAL after the last commit
  int checkpoint_at_;     // likewise: pages in the WAL that call for the next checkpoint

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> queue_;  // guarded by mutex_
  bool closing_ = false;                    // guarded by mutex_
  bool broken_ = false;                     // guarded by mutex_
  WriterStats stats_;                       // guarded by mutex_
  std::thread thread_;                      // last: starts when all else is there
};

}  // namespace hekto::store
