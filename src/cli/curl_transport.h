// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "cli/transport.h"

namespace hekto::cli {

/// Transport on libcurl. Keeps its connections, so that polling costs one. Requests to this machine never go through a
/// proxy of the environment.
class CurlTransport : public Transport {
 public:
  CurlTransport();
  ~CurlTransport() override;
  Result<HttpReply> send(const HttpRequest& request) override;

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace hekto::cli
