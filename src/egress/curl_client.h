// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "egress/egress_policy.h"
#include "ports/http_client.h"

namespace hekto::egress {

/// ports::HttpClient on libcurl: any number of exchanges at once on one thread of its own. Whether an address may be
/// dialled is asked when the socket is made, for the very address that it is made for, so that no spelling of a host
/// and no change of its name's records gets around it. Proxies of the environment and
/// .netrc are not used.
class CurlClient final : public ports::HttpClient {
 public:
  /// `thread_name` has at most 14 characters.
  explicit CurlClient(EgressPolicy policy, const char* thread_name = "hekto-egress");
  /// close(), then ends the threads. No task may still be inside send() unless its executor stays alive.
  ~CurlClient() override;

  async::Task<Result<ports::HttpReply>> send(ports::HttpRequest request) override;

  /// From now on, for exchanges that begin: changes what may be dialled. Any thread.
  void set_own_ports(std::vector<std::uint16_t> ports);
  void forbid_loopback();

  /// Ends what is under way and refuses what comes, with `canceled`. Does not block.
  void close();

 private:
  class Loop;

  std::shared_ptr<const EgressPolicy> policy() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const EgressPolicy> policy_;  // guarded by mutex_; replaced, never changed
  const std::shared_ptr<Loop> loop_;
  /// For requests that share connections; loop_ itself where no origin is trusted, and none do. Apart, because libcurl
  /// takes a host for one of HTTP/1.1 once a connection of its own has been: then nothing is multiplexed there.
  const std::shared_ptr<Loop> sharing_;
};

}  // namespace hekto::egress
