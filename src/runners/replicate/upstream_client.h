// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "async/stop.h"
#include "async/task.h"
#include "ports/http_client.h"
#include "runners/replicate/account_pool.h"
#include "runners/replicate/snapshot.h"

namespace hekto::runners::replicate {

/// Requests to the API of an upstream in the name of an account. No token goes anywhere but to the upstream's own
/// origin. Any thread.
class UpstreamClient {
 public:
  /// Everything outlives this.
  UpstreamClient(ports::HttpClient& http, AccountPool& pool) : http_(http), pool_(pool) {}

  /// A request for `path` ("/v1/…"), or for an absolute URL of the upstream's own origin (forbidden otherwise). `reuse`
  /// as ports::HttpRequest. Takes no allowance, but tells the pool what the answer says: of a request that is no
  /// create, whether the upstream is well, and, unless it is for a single prediction, what is left of the allowance.
  async::Task<Result<ports::HttpReply>> send(AccountPtr account, ports::HttpRequest request, std::string path);
  /// A GET that may be repeated, with the allowance for it. 429 is noted; the reply is what it is. unavailable, and
  /// nothing is sent, while the upstream does not answer.
  async::Task<Result<ports::HttpReply>> get(AccountPtr account, std::string path, async::StopToken stop,
                                            std::size_t max_reply = kMaxReply);

  /// Up to 100 predictions (or trainings) that were created in [from, to), newest first; `cursor`, a page's `next`,
  /// goes on from there. unavailable when the upstream did not say.
  async::Task<Result<SnapshotPage>> list(AccountPtr account, bool trainings, Time from, Time to, std::string cursor,
                                         async::StopToken stop);

  static constexpr std::size_t kMaxReply = 32 << 20;  ///< bytes: a hundred predictions with inputs and logs

 private:
  ports::HttpClient& http_;
  AccountPool& pool_;
};

}  // namespace hekto::runners::replicate
