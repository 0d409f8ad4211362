// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "ports/store.h"

namespace hekto::test {

/// ports::Store in memory, written to be read: linear searches, one lock. What the other stores are compared with.
class MemoryStore final : public ports::Store {
 public:
  bool accepts_writes() const override { return true; }
  bool has_room() const override { return room_; }
  void set_room(bool room) { room_ = room; }
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

 private:
  /// Makes garbage of files_[index]. With mutex_ held.
  void drop_file(std::size_t index);

  std::atomic<bool> room_{true};
  std::mutex mutex_;  // guards everything below
  std::vector<domain::Account> accounts_;
  std::vector<domain::Key> keys_;
  std::map<std::string, std::string> settings_;
  std::vector<domain::Prediction> predictions_;  // in the order of their creation
  std::map<std::string, std::size_t> places_;    // id -> index into predictions_
  /// With mutex_ held.
  Result<void> add(domain::Prediction prediction);

  struct KeptMark {
    domain::CreateMark mark;
    std::string prediction_id;
  };
  std::vector<KeptMark> marks_;  // oldest first
  std::vector<ports::Garbage> garbage_;
  std::int64_t next_garbage_ = 1;
  ports::Outbox outbox_;
  std::vector<ports::WebhookRecord> messages_;  // oldest first, with their bodies
  std::map<std::string, domain::WebhookSecrets> secrets_;

  ports::WebhookRecord* find_message(const std::string& id);
  /// Writes what the outbox says of a prediction that has just ended.
  void tell_end(const domain::Prediction& p);

  std::vector<domain::File> files_;
  std::map<std::pair<std::string, std::string>, domain::Deployment> deployments_;  // by account and name
  std::map<std::pair<std::string, std::string>, domain::OwnedModel> models_;       // by owner and name
  std::vector<domain::TrainedVersion> versions_;                                   // oldest first

  /// Keeps the version that a training made, when `p` is one that succeeded.
  void keep_version(const domain::Prediction& p, const std::string& made);
  /// `model` with its newest version. With mutex_ held.
  domain::OwnedModel with_latest(domain::OwnedModel model) const;
};

}  // namespace hekto::test
