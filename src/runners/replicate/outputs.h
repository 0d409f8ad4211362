// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "async/bell.h"
#include "async/stop.h"
#include "async/task.h"
#include "async/task_scope.h"
#include "ports/http_client.h"
#include "ports/relay.h"
#include "runners/replicate/account_pool.h"
#include "runners/replicate/progress.h"

namespace hekto::runners::replicate {

struct OutputLimits {
  std::size_t at_once = 256;       ///< files on their way; further ones wait their turn
  std::size_t per_prediction = 4;  ///< of these, of one prediction
  /// How long a file that is there upstream is fetched again and again: its link lives for an hour.
  Duration patience = std::chrono::minutes(55);
  Duration first_pause = std::chrono::milliseconds(250);  ///< doubles with every attempt, up to 30 s
  /// So often a server may say that the file is not there (or not for us) before it is believed.
  int refusals = 3;
  Duration refused_pause = std::chrono::seconds(2);  ///< after the first of these; four times as long after the next
};

/// Brings output files of upstreams here. A file is hashed and written as it comes; whoever has been shown its link
/// reads it meanwhile. What breaks off is begun anew. Any thread.
class Outputs {
 public:
  /// Everything outlives this. `downloads` may block on a disk; `scope` outlives what deliver() began.
  Outputs(ports::HttpClient& downloads, async::TaskScope& scope, OutputLimits limits = {})
      : downloads_(downloads), scope_(scope), limits_(limits) {}

  /// Hands items to `sink` in their order, and fetches their files side by side: an item is shown once the upstream has
  /// begun to send all its files, and stored once they are whole. Files that lie in data: URLs are decoded. The
  /// account's token goes along to the upstream's own origin alone. not_found: a file is not to be had; too_large: one
  /// is over the upstream's max_output; canceled on `stop`; or what the sink says. Nothing goes on once it returns.
  async::Task<Result<void>> deliver(AccountPtr account, std::vector<StepItem> items, ports::RelaySink& sink,
                                    async::StopToken stop);

 private:
  struct Fetch;
  struct Batch;
  class IntoFile;
  async::Task<void> work(std::shared_ptr<Batch> batch);
  class Turn;
  async::Task<Result<domain::OutputFile>> fetch(std::shared_ptr<Batch> batch, Fetch& file);
  async::Task<Result<ports::HttpReply>> request(std::shared_ptr<Batch> batch, Fetch& file);
  async::Task<Result<void>> hand_on(Batch& batch, std::vector<StepItem>& items, ports::RelaySink& sink);
  async::Task<bool> take_turn(async::StopToken stop);
  void end_turn();

  ports::HttpClient& downloads_;
  async::TaskScope& scope_;
  const OutputLimits limits_;
  std::mutex mutex_;
  std::size_t under_way_ = 0;                         // guarded by mutex_
  std::deque<std::shared_ptr<async::Bell>> waiting_;  // guarded by mutex_: for their turn, in order
};

/// The last segment of a URL's path as a file may be called here; "out-<index>" with the ending of the type when there
/// is none.
std::string output_name(std::string_view url, std::size_t index, std::string_view content_type);

}  // namespace hekto::runners::replicate
