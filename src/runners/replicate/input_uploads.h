// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/bell.h"
#include "async/stop.h"
#include "async/task.h"
#include "ports/clock.h"
#include "ports/http_client.h"
#include "ports/runner.h"
#include "runners/replicate/account_pool.h"

namespace hekto::runners::replicate {

/// Takes files that are held here to an upstream's own files, once for each account and content, however many runs want
/// it at the same time, and puts their addresses there into inputs. Any thread.
class InputUploads {
 public:
  /// Everything outlives this. `http` may block on a disk. `kept`: so many uploads are known; beyond, those that end
  /// first are forgotten.
  InputUploads(ports::HttpClient& http, AccountPool& pool, const ports::Clock& clock, std::size_t kept = 10'000)
      : http_(http), pool_(pool), clock_(clock), kept_(kept) {}

  /// `input` (JSON text) with what stands at the pointers of `files` replaced by URLs at the upstream. invalid_input:
  /// the upstream refuses a file; any other error: to be tried again.
  async::Task<Result<std::string>> replace(AccountPtr account, std::string input, std::vector<ports::InputFile> files,
                                           async::StopToken stop);
  /// The upstream has said `text` in refusing a create. Whether it names an upload of the account: then that is known
  /// no longer, and the next replace() makes it anew.
  bool forget_named(const AccountPtr& account, std::string_view text);

 private:
  struct Uploaded {
    std::string url;
    Time until{};
  };
  /// An upload that is under way, and who else waits for it.
  struct Flight {
    std::vector<std::shared_ptr<async::Bell>> bells;
    std::optional<Result<Uploaded>> outcome;
  };
  async::Task<Result<std::string>> url_of(AccountPtr account, ports::InputFile file, async::StopToken stop);
  async::Task<Result<Uploaded>> lead(std::string key, AccountPtr account, ports::InputFile file, async::StopToken stop);
  async::Task<Result<Uploaded>> upload(AccountPtr account, ports::InputFile file, async::StopToken stop);

  void keep(const std::string& key, Uploaded uploaded);  // with mutex_ held

  ports::HttpClient& http_;
  AccountPool& pool_;
  const ports::Clock& clock_;
  const std::size_t kept_;
  std::mutex mutex_;
  std::map<std::string, Uploaded> uploaded_;                // guarded by mutex_; by account and content
  std::map<std::string, std::shared_ptr<Flight>> flights_;  // guarded by mutex_; likewise
};

}  // namespace hekto::runners::replicate
