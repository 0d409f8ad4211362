// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>

#include "ports/store.h"
#include "store/sqlite/data_folder.h"
#include "store/sqlite/disk_room.h"
#include "store/sqlite/reader_pool.h"
#include "store/sqlite/writer.h"

namespace hekto::store {

struct SqliteOptions {
  std::size_t readers = 2;         ///< threads that answer reads; at least 1
  std::size_t queue_limit = 8192;  ///< changes, and likewise reads, that may wait; beyond: unavailable
  std::size_t group_limit = 256;   ///< changes in one transaction
  std::uint64_t reserve = 0;       ///< bytes that must be free on the disk for new work to be taken
};

/// ports::Store in one SQLite file, for one process: write-ahead log, synchronous = FULL, every change synced before
/// its answer. Changes go through one thread that commits what has gathered at once; reads have threads of their own.
class SqliteStore final : public ports::Store {
 public:
  /// Opens <folder>/hekto.db and holds the folder until destroyed. Folder (mode 0700) and database are created when
  /// missing. Takes milliseconds whatever the number of rows, unless a crash left a log to be read. unavailable, naming
  /// the other's pid, when the folder is in use; storage when the database is damaged, newer or not Hekto's, in which
  /// case it is left as it is.
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& folder, SqliteOptions options = {});
  /// Does what is queued, and closes. No task may still be inside a call unless its executor stays alive.
  ~SqliteStore() override;

  bool accepts_writes() const override { return !writer_.broken(); }
  bool has_room() const override { return room_.enough(); }

  async::Task<Result<void>> create_account(domain::Account account) override;
  async::Task<Result<std::vector<domain::Account>>> list_accounts() override;
  async::Task<Result<void>> create_key(domain::Key key) override;
  async::Task<Result<std::vector<domain::Key>>> list_keys() override;
  async::Task<Result<domain::Key>> revoke_key(std::string key_id, Time now) override;
  async::Task<Result<std::string>> setting(std::string name, std::string value) override;

  async::Task<Result<void>> create_prediction(domain::Prediction prediction) override;
  async::Task<Result<ports::Creation>> create_prediction_once(domain::Prediction prediction,
                                                              domain::CreateMark mark) override;
  async::Task<Result<std::size_t>> forget_marks(Time now, std::size_t limit) override;
  async::Task<Result<domain::Prediction>> find_prediction(std::string id) override;
  async::Task<Result<ports::PredictionPage>> list_predictions(ports::PredictionQuery query) override;
  async::Task<Result<domain::Prediction>> claim(std::string id, Time now) override;
  async::Task<Result<domain::Prediction>> record(ports::Lease lease, std::vector<domain::Event> events,
                                                 Time now) override;
  async::Task<Result<domain::Prediction>> end(std::string id, domain::Event event, Time now) override;
  async::Task<Result<std::vector<ports::Unfinished>>> unfinished(std::string after_id, std::size_t limit) override;

  async::Task<Result<void>> discard(ports::Lease lease, std::string mark_scope) override;
  async::Task<Result<domain::Prediction>> note_submission(std::string id, domain::Event event, Time now) override;
  async::Task<Result<std::vector<std::string>>> owed_cancels(std::size_t limit) override;
  async::Task<Result<std::vector<domain::Prediction>>> unknown_submissions(std::size_t limit) override;
  async::Task<Result<std::string>> find_by_remote_id(std::string upstream, std::string remote_id) override;

  async::Task<Result<std::vector<std::string>>> purge(Time completed_before, std::size_t limit, Time now) override;
  async::Task<Result<std::vector<ports::Garbage>>> garbage(std::size_t limit) override;
  async::Task<Result<void>> forget_garbage(std::vector<std::int64_t> ids) override;
  async::Task<Result<std::vector<ports::Garbage>>> orphans(std::vector<ports::Garbage> candidates) override;

  void set_outbox(ports::Outbox compose) override;
  async::Task<Result<std::vector<ports::DueWebhook>>> due_webhooks(ports::DueWebhooksQuery query) override;
  async::Task<Result<domain::WebhookMessage>> find_webhook(std::string id) override;
  async::Task<Result<void>> record_webhook_attempt(std::string id, domain::WebhookAttempt attempt,
                                                   domain::MessageState state, Time next) override;
  async::Task<Result<std::vector<ports::WebhookRecord>>> list_webhooks(ports::WebhooksQuery query) override;
  async::Task<Result<void>> resend_webhook(std::string id, std::string body, Time now) override;
  async::Task<Result<ports::WebhookSweep>> sweep_webhooks(Time expire_before, Time forget_before, std::size_t limit,
                                                          Time now) override;
  async::Task<Result<domain::WebhookSecrets>> webhook_secrets(std::string account) override;
  async::Task<Result<domain::WebhookSecrets>> make_webhook_secret(std::string account, Secret secret) override;
  async::Task<Result<domain::WebhookSecrets>> rotate_webhook_secret(std::string account, Secret secret,
                                                                    Time previous_until) override;

  async::Task<Result<void>> create_file(domain::File file) override;
  async::Task<Result<domain::File>> find_file(std::string id) override;
  async::Task<Result<ports::Page<domain::File>>> list_files(ports::PageQuery query, Time now) override;
  async::Task<Result<void>> remove_file(std::string account, std::string id) override;
  async::Task<Result<std::size_t>> expire_files(Time now, std::size_t limit) override;

  async::Task<Result<void>> create_deployment(domain::Deployment deployment) override;
  async::Task<Result<domain::Deployment>> find_deployment(std::string account, std::string name) override;
  async::Task<Result<ports::Page<domain::Deployment>>> list_deployments(ports::PageQuery query) override;
  async::Task<Result<domain::Deployment>> release(std::string account, std::string name, domain::Release next) override;
  async::Task<Result<void>> delete_deployment(std::string account, std::string name) override;

  async::Task<Result<void>> create_model(domain::OwnedModel model) override;
  async::Task<Result<domain::OwnedModel>> find_model(std::string owner, std::string name) override;
  async::Task<Result<std::vector<domain::OwnedModel>>> list_models(std::string account) override;
  async::Task<Result<void>> update_model(domain::OwnedModel model) override;
  async::Task<Result<void>> delete_model(std::string owner, std::string name) override;
  async::Task<Result<ports::ModelVersion>> find_version(std::string id) override;
  async::Task<Result<std::vector<domain::TrainedVersion>>> list_versions(std::string owner, std::string name) override;
  async::Task<Result<domain::VersionUse>> delete_version(std::string account, std::string owner, std::string name,
                                                         std::string id) override;

  /// What was committed since the store was opened. Any thread.
  WriterStats stats() const { return writer_.stats(); }

 private:
  SqliteStore(DataFolder folder, Connection writing, std::vector<Connection> reading, bool models,
              const SqliteOptions& options);

  // The order matters at the end: readers close first, the writer's connection is the last one and so folds the log
  // into the database, and only then is the folder free for another process.
  DataFolder folder_;
  DiskRoom room_;
  std::atomic<bool> has_models_;  // false: there are none; true: there may be some
  ports::Outbox outbox_;  // set before the first change, then read by the writer's thread
  Writer writer_;
  ReaderPool readers_;
};

}  // namespace hekto::store
