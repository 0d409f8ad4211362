// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "async/io_threads.h"
#include "async/task_scope.h"
#include "ports/clock.h"
#include "ports/remote_catalog.h"
#include "runners/replicate/account_pool.h"
#include "runners/replicate/upstream_client.h"

namespace hekto::runners::replicate {

/// ports::RemoteCatalog over the pool's upstreams: what concerns a model comes from the first that serves it, the rest
/// from the first of all. Documents are kept in memory, up to kMaxBytes.
class ReplicateCatalog final : public ports::RemoteCatalog {
 public:
  static constexpr Duration kFresh = std::chrono::minutes(1);
  static constexpr Duration kFreshMissing = std::chrono::seconds(30);  ///< what is not there
  static constexpr Duration kStale = std::chrono::hours(24);           ///< shown while the upstream is down
  static constexpr std::size_t kMaxBytes = 256 << 20;
  static constexpr std::size_t kMaxDocument = 8 << 20;

  /// Everything outlives this.
  ReplicateCatalog(async::IoThreads& io, AccountPool& pool, UpstreamClient& client, const ports::Clock& clock);
  ~ReplicateCatalog() override;
  void stop_blocking();

  bool serves(const domain::RelayTarget& target) const override { return pool_.serves(target); }
  domain::Offer known(std::string_view owner, std::string_view name, std::string_view version) override;
  async::Task<Result<domain::Offer>> find(std::string owner, std::string name, std::string version) override;
  async::Task<Result<ports::RemoteDocument>> get(std::string method, std::string path, std::string body) override;

 private:
  struct Entry {
    ports::RemoteDocument document;
    std::string etag;
    Time asked_at{};
    bool asking = false;
    std::shared_ptr<const domain::Model> model;  // what the document says, once somebody wanted to know
    std::list<std::string>::iterator use;
  };

  AccountPtr account_for(std::string_view path) const;
  async::Task<Result<ports::RemoteDocument>> ask(std::string key, std::string method, std::string path,
                                                 std::string body);
  void learn(std::string path);
  /// The model behind a kept document; nullptr when there is none that says.
  std::shared_ptr<const domain::Model> kept_model(const std::string& path, std::string_view owner,
                                                  std::string_view name);
  void keep(const std::string& key, ports::RemoteDocument document, std::string etag);

  async::IoThreads& io_;
  AccountPool& pool_;
  UpstreamClient& client_;
  const ports::Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;  // guarded by mutex_; by method, path and body
  std::list<std::string> uses_;                     // guarded by mutex_; the latest first
  std::size_t bytes_ = 0;                           // guarded by mutex_
  std::map<std::string, std::string> model_of_;     // guarded by mutex_; version id -> "owner/name", of those seen
  async::StopToken stop_;
  async::TaskScope scope_{"remote catalog"};
};

}  // namespace hekto::runners::replicate
