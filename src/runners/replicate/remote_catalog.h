// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/completion.h"
#include "async/io_threads.h"
#include "async/task_scope.h"
#include "ports/clock.h"
#include "ports/remote_catalog.h"
#include "runners/replicate/account_pool.h"
#include "runners/replicate/upstream_client.h"

namespace hekto::runners::replicate {

/// ports::RemoteCatalog over the pool's upstreams: what concerns a model comes from the first that serves it, the rest
/// from the first of all; when its account cannot be asked, from the next. Where the operator names each model, these
/// make up the list of models. Documents are kept in memory, the latest used
/// up to kMaxBytes with what is made of them. However many ask for the same at once, one request is sent.
class ReplicateCatalog final : public ports::RemoteCatalog {
 public:
  static constexpr Duration kFresh = std::chrono::minutes(1);
  static constexpr Duration kFreshMissing = std::chrono::seconds(30);  ///< what is not there
  static constexpr Duration kStale = std::chrono::hours(24);           ///< shown while the upstream is down
  static constexpr std::size_t kMaxBytes = 256 << 20;
  static constexpr std::size_t kMaxDocument = 8 << 20;

  /// Everything outlives this.
  ReplicateCatalog(async::IoThreads& io, AccountPool& pool, UpstreamClient& client, const ports::Clock& clock,
                   std::size_t max_bytes = kMaxBytes);
  ~ReplicateCatalog() override;
  void stop_blocking();

  /// A version alone is its model's, when that is known.
  bool serves(const domain::RelayTarget& target) const override;
  domain::Offer known(std::string_view owner, std::string_view name, std::string_view version) override;
  async::Task<Result<domain::Offer>> find(std::string owner, std::string name, std::string version) override;
  domain::Offer known_at(const domain::RemoteHome& home, std::string_view owner, std::string_view name,
                         std::string_view version) override;
  async::Task<Result<domain::Offer>> find_at(domain::RemoteHome home, std::string owner, std::string name,
                                             std::string version) override;
  async::Task<void> remove_at(domain::RemoteHome home, std::string version) override;
  async::Task<Result<ports::RemoteDocument>> get(std::string method, std::string path, std::string body) override;

  /// Bytes of all that is kept.
  std::size_t size() const;

 private:
  using Answer = Result<ports::RemoteDocument>;
  /// What is asked, and the key that its answer is kept under.
  struct Question {
    std::string method;
    std::string path;
    std::string body;
    std::string at;  ///< "upstream/account" that alone can answer; empty: whoever serves it
    std::string key() const { return method + " " + at + path + "\n" + body; }
  };
  struct Entry {
    ports::RemoteDocument document;
    std::string etag;
    std::string upstream;  ///< whose the ETag is
    Time asked_at{};
    std::shared_ptr<const domain::Model> model;  // what the document says, once somebody wanted to know
    std::list<std::string>::iterator use;
    std::size_t cost = 0;
  };

  /// The accounts that can answer, in the order in which they are asked.
  std::vector<AccountPtr> accounts_for(const Question& question) const;
  /// From the kept answer, or else by asking; suspends as long as nothing can be shown.
  async::Task<Answer> answer_to(Question question);
  async::Task<Answer> list_of(const UpstreamOptions& options);
  /// Has it asked, unless that is under way; `done`, which may be empty, gets what comes of it.
  void ask(Question question, async::Completer<Answer> done);
  async::Task<void> ask_all(Question question);
  async::Task<std::optional<Answer>> ask_one(const Question& question, AccountPtr account);
  domain::Offer known_answer(const Question& question, std::string_view owner, std::string_view name,
                             std::string_view version);
  async::Task<Result<domain::Offer>> certain_answer(Question question, std::string owner, std::string name,
                                                    std::string version);
  /// The model behind a kept document; nullptr when there is none that says.
  std::shared_ptr<const domain::Model> kept_model(const Question& question, std::string_view owner,
                                                  std::string_view name);
  void keep(const std::string& key, ports::RemoteDocument document, std::string etag, const std::string& upstream);
  /// With mutex_ held: counts what the entry costs, and forgets what was not used for longest.
  void recount(Entry& entry, const std::string& key);

  async::IoThreads& io_;
  AccountPool& pool_;
  UpstreamClient& client_;
  const ports::Clock& clock_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;                       // guarded by mutex_; by Question::key
  std::list<std::string> uses_;                                          // guarded by mutex_; the latest first
  std::size_t bytes_ = 0;                                                // guarded by mutex_
  std::map<std::string, std::vector<async::Completer<Answer>>> asking_;  // guarded by mutex_; by key: those who wait
  std::map<std::string, std::string> model_of_;  // guarded by mutex_; version id -> "owner/name", of those seen
  async::StopToken stop_;
  async::TaskScope scope_{"remote catalog"};
};

}  // namespace hekto::runners::replicate
