// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "egress/egress_policy.h"
#include "ports/http_client.h"

namespace hekto::egress {

/// ports::HttpClient on libcurl: any number of exchanges at once on one thread of its own. Whether an address may be
/// dialled is asked when the socket is made, for the very address that it is made for, so that no spelling of a host
/// and no change of its name's records gets around it. Proxies of the environment are not used.
class CurlClient final : public ports::HttpClient {
 public:
  explicit CurlClient(EgressPolicy policy);
  /// close(), then ends the thread. No task may still be inside send() unless its executor stays alive.
  ~CurlClient() override;

  async::Task<Result<ports::HttpReply>> send(ports::HttpRequest request) override;

  /// Ends what is under way and refuses what comes, with `canceled`. Does not block.
  void close();

 private:
  class Loop;

  const EgressPolicy policy_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace hekto::egress
