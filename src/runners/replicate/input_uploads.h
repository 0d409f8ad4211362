// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "async/stop.h"
#include "async/task.h"
#include "ports/clock.h"
#include "ports/http_client.h"
#include "ports/runner.h"
#include "runners/replicate/account_pool.h"

namespace hekto::runners::replicate {

/// Takes files that are held here to an upstream's own files, once for each account and content, and puts their
/// addresses there into inputs. Any thread.
class InputUploads {
 public:
  /// Everything outlives this. `http` may block on a disk.
  InputUploads(ports::HttpClient& http, AccountPool& pool, const ports::Clock& clock)
      : http_(http), pool_(pool), clock_(clock) {}

  /// `input` (JSON text) with what stands at the pointers of `files` replaced by URLs at the upstream. invalid_input:
  /// the upstream refuses a file; any other error: to be tried again.
  async::Task<Result<std::string>> replace(AccountPtr account, std::string input, std::vector<ports::InputFile> files,
                                           async::StopToken stop);

 private:
  struct Uploaded {
    std::string url;
    Time until{};
  };
  async::Task<Result<std::string>> url_of(AccountPtr account, ports::InputFile file, async::StopToken stop);
  async::Task<Result<Uploaded>> upload(AccountPtr account, ports::InputFile file, async::StopToken stop);

  static constexpr std::size_t kKept = 10'000;
  ports::HttpClient& http_;
  AccountPool& pool_;
  const ports::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Uploaded> uploaded_;  // guarded by mutex_; by account and content
};

}  // namespace hekto::runners::replicate
