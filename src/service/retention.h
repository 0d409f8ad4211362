// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

#include "async/stop.h"
#include "ports/clock.h"
#include "ports/file_store.h"
#include "ports/store.h"
#include "service/snapshot.h"

namespace hekto::service {

/// Removes the data of predictions whose time is over, uploaded files and marks of creates that have expired, and files
/// that nobody names.
class Retention {
 public:
  /// `keep`: how long the data of a prediction stays after its end. `file_lifetime`: of uploads; decides with `keep`
  /// how often run() looks.
  Retention(ports::Store& store, ports::FileStore& files, const ports::Clock& clock, Recent& recent, Duration keep,
            Duration file_lifetime = std::chrono::hours(24))
      : store_(store),
        files_(files),
        clock_(clock),
        recent_(recent),
        keep_(keep),
        interval_basis_(std::min(keep, file_lifetime)) {}

  /// One round: purges and expires everything due, then removes the files that became garbage. Returns how many were
  /// purged. The row goes first and remembers the file as garbage, so that a crash in between leaves no file behind.
  async::Task<Result<std::size_t>> sweep();

  /// Removes files older than an hour that neither a prediction nor the garbage list names: what a crash between
  /// storing a file and committing its row leaves. Returns how many.
  async::Task<Result<std::size_t>> remove_orphans();

  /// sweep() at an interval of a tenth of the shorter of both times, within 100 ms and 30 s, until `stop`; orphans once
  /// at the start.
  async::Task<void> run(async::StopToken stop);

 private:
  async::Task<Result<void>> remove_garbage();

  ports::Store& store_;
  ports::FileStore& files_;
  const ports::Clock& clock_;
  Recent& recent_;
  const Duration keep_;
  const Duration interval_basis_;
};

}  // namespace hekto::service
