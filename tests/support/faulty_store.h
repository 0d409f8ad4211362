// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ports/store.h"
#include "tests/support/fault_plan.h"

namespace hekto::test {

/// Passes every call to another store, but for those that its plan lets go wrong. Methods go by their names:
/// store.plan().fail("record", 2, …).
class FaultyStore final : public ports::Store {
 public:
  /// `inner` outlives this.
  explicit FaultyStore(ports::Store& inner) : inner_(inner) {}
  FaultPlan& plan() { return plan_; }

  bool accepts_writes() const override { return inner_.accepts_writes(); }
  bool has_room() const override { return inner_.has_room(); }

  async::Task<Result<void>> create_account(domain::Account account) override {
    return plan_.pass("create_account", inner_.create_account(std::move(account)));
  }
  async::Task<Result<std::vector<domain::Account>>> list_accounts() override {
    return plan_.pass("list_accounts", inner_.list_accounts());
  }
  async::Task<Result<void>> create_key(domain::Key key) override {
    return plan_.pass("create_key", inner_.create_key(std::move(key)));
  }
  async::Task<Result<std::vector<domain::Key>>> list_keys() override {
    return plan_.pass("list_keys", inner_.list_keys());
  }
  async::Task<Result<domain::Key>> revoke_key(std::string key_id, Time now) override {
    return plan_.pass("revoke_key", inner_.revoke_key(std::move(key_id), now));
  }
  async::Task<Result<std::string>> setting(std::string name, std::string value) override {
    return plan_.pass("setting", inner_.setting(std::move(name), std::move(value)));
  }
  async::Task<Result<void>> create_prediction(domain::Prediction prediction) override {
    return plan_.pass("create_prediction", inner_.create_prediction(std::move(prediction)));
  }
  async::Task<Result<ports::Creation>> create_prediction_once(domain::Prediction prediction,
                                                              domain::CreateMark mark) override {
    return plan_.pass("create_prediction_once", inner_.create_prediction_once(std::move(prediction), std::move(mark)));
  }
  async::Task<Result<std::size_t>> forget_marks(Time now, std::size_t limit) override {
    return plan_.pass("forget_marks", inner_.forget_marks(now, limit));
  }
  async::Task<Result<domain::Prediction>> find_prediction(std::string id) override {
    return plan_.pass("find_prediction", inner_.find_prediction(std::move(id)));
  }
  async::Task<Result<ports::PredictionPage>> list_predictions(ports::PredictionQuery query) override {
    return plan_.pass("list_predictions", inner_.list_predictions(std::move(query)));
  }
  async::Task<Result<domain::Prediction>> claim(std::string id, Time now) override {
    return plan_.pass("claim", inner_.claim(std::move(id), now));
  }
  async::Task<Result<domain::Prediction>> record(ports::Lease lease, std::vector<domain::Event> events,
                                                 Time now) override {
    return plan_.pass("record", inner_.record(std::move(lease), std::move(events), now));
  }
  async::Task<Result<domain::Prediction>> end(std::string id, domain::Event event, Time now) override {
    return plan_.pass("end", inner_.end(std::move(id), std::move(event), now));
  }
  async::Task<Result<std::vector<ports::Unfinished>>> unfinished(std::string after_id, std::size_t limit) override {
    return plan_.pass("unfinished", inner_.unfinished(std::move(after_id), limit));
  }
  async::Task<Result<void>> discard(ports::Lease lease, std::string mark_scope) override {
    return plan_.pass("discard", inner_.discard(std::move(lease), std::move(mark_scope)));
  }
  async::Task<Result<domain::Prediction>> note_submission(std::string id, domain::Event event, Time now) override {
    return plan_.pass("note_submission", inner_.note_submission(std::move(id), std::move(event), now));
  }
  async::Task<Result<std::vector<std::string>>> owed_cancels(std::size_t limit) override {
    return plan_.pass("owed_cancels", inner_.owed_cancels(limit));
  }
  async::Task<Result<std::vector<domain::Prediction>>> unknown_submissions(std::size_t limit) override {
    return plan_.pass("unknown_submissions", inner_.unknown_submissions(limit));
  }
  async::Task<Result<std::string>> find_by_remote_id(std::string upstream, std::string remote_id) override {
    return plan_.pass("find_by_remote_id", inner_.find_by_remote_id(std::move(upstream), std::move(remote_id)));
  }
  async::Task<Result<std::vector<std::string>>> purge(Time completed_before, std::size_t limit, Time now) override {
    return plan_.pass("purge", inner_.purge(completed_before, limit, now));
  }
  async::Task<Result<std::vector<ports::Garbage>>> garbage(std::size_t limit) override {
    return plan_.pass("garbage", inner_.garbage(limit));
  }
  async::Task<Result<void>> forget_garbage(std::vector<std::int64_t> ids) override {
    return plan_.pass("forget_garbage", inner_.forget_garbage(std::move(ids)));
  }
  async::Task<Result<std::vector<ports::Garbage>>> orphans(std::vector<ports::Garbage> candidates) override {
    return plan_.pass("orphans", inner_.orphans(std::move(candidates)));
  }
  void set_outbox(ports::Outbox compose) override { inner_.set_outbox(std::move(compose)); }
  async::Task<Result<std::vector<ports::DueWebhook>>> due_webhooks(ports::DueWebhooksQuery query) override {
    return plan_.pass("due_webhooks", inner_.due_webhooks(std::move(query)));
  }
  async::Task<Result<domain::WebhookMessage>> find_webhook(std::string id) override {
    return plan_.pass("find_webhook", inner_.find_webhook(std::move(id)));
  }
  async::Task<Result<void>> record_webhook_attempt(std::string id, domain::WebhookAttempt attempt,
                                                   domain::MessageState state, Time next) override {
    return plan_.pass("record_webhook_attempt",
                      inner_.record_webhook_attempt(std::move(id), std::move(attempt), state, next));
  }
  async::Task<Result<std::vector<ports::WebhookRecord>>> list_webhooks(ports::WebhooksQuery query) override {
    return plan_.pass("list_webhooks", inner_.list_webhooks(std::move(query)));
  }
  async::Task<Result<void>> resend_webhook(std::string id, std::string body, Time now) override {
    return plan_.pass("resend_webhook", inner_.resend_webhook(std::move(id), std::move(body), now));
  }
  async::Task<Result<ports::WebhookSweep>> sweep_webhooks(Time expire_before, Time forget_before, std::size_t limit,
                                                          Time now) override {
    return plan_.pass("sweep_webhooks", inner_.sweep_webhooks(expire_before, forget_before, limit, now));
  }
  async::Task<Result<domain::WebhookSecrets>> webhook_secrets(std::string account) override {
    return plan_.pass("webhook_secrets", inner_.webhook_secrets(std::move(account)));
  }
  async::Task<Result<domain::WebhookSecrets>> make_webhook_secret(std::string account, Secret secret) override {
    return plan_.pass("make_webhook_secret", inner_.make_webhook_secret(std::move(account), std::move(secret)));
  }
  async::Task<Result<domain::WebhookSecrets>> rotate_webhook_secret(std::string account, Secret secret,
                                                                    Time previous_until) override {
    return plan_.pass("rotate_webhook_secret",
                      inner_.rotate_webhook_secret(std::move(account), std::move(secret), previous_until));
  }
  async::Task<Result<void>> create_file(domain::File file) override {
    return plan_.pass("create_file", inner_.create_file(std::move(file)));
  }
  async::Task<Result<domain::File>> find_file(std::string id) override {
    return plan_.pass("find_file", inner_.find_file(std::move(id)));
  }
  async::Task<Result<ports::Page<domain::File>>> list_files(ports::PageQuery query, Time now) override {
    return plan_.pass("list_files", inner_.list_files(std::move(query), now));
  }
  async::Task<Result<void>> remove_file(std::string account, std::string id) override {
    return plan_.pass("remove_file", inner_.remove_file(std::move(account), std::move(id)));
  }
  async::Task<Result<std::size_t>> expire_files(Time now, std::size_t limit) override {
    return plan_.pass("expire_files", inner_.expire_files(now, limit));
  }
  async::Task<Result<void>> create_deployment(domain::Deployment deployment) override {
    return plan_.pass("create_deployment", inner_.create_deployment(std::move(deployment)));
  }
  async::Task<Result<domain::Deployment>> find_deployment(std::string account, std::string name) override {
    return plan_.pass("find_deployment", inner_.find_deployment(std::move(account), std::move(name)));
  }
  async::Task<Result<ports::Page<domain::Deployment>>> list_deployments(ports::PageQuery query) override {
    return plan_.pass("list_deployments", inner_.list_deployments(std::move(query)));
  }
  async::Task<Result<domain::Deployment>> release(std::string account, std::string name,
                                                  domain::Release next) override {
    return plan_.pass("release", inner_.release(std::move(account), std::move(name), std::move(next)));
  }
  async::Task<Result<void>> delete_deployment(std::string account, std::string name) override {
    return plan_.pass("delete_deployment", inner_.delete_deployment(std::move(account), std::move(name)));
  }
  async::Task<Result<void>> create_model(domain::OwnedModel model) override {
    return plan_.pass("create_model", inner_.create_model(std::move(model)));
  }
  async::Task<Result<domain::OwnedModel>> find_model(std::string owner, std::string name) override {
    return plan_.pass("find_model", inner_.find_model(std::move(owner), std::move(name)));
  }
  async::Task<Result<std::vector<domain::OwnedModel>>> list_models(std::string account) override {
    return plan_.pass("list_models", inner_.list_models(std::move(account)));
  }
  async::Task<Result<void>> update_model(domain::OwnedModel model) override {
    return plan_.pass("update_model", inner_.update_model(std::move(model)));
  }
  async::Task<Result<void>> delete_model(std::string owner, std::string name) override {
    return plan_.pass("delete_model", inner_.delete_model(std::move(owner), std::move(name)));
  }
  async::Task<Result<ports::ModelVersion>> find_version(std::string id) override {
    return plan_.pass("find_version", inner_.find_version(std::move(id)));
  }
  async::Task<Result<std::vector<domain::TrainedVersion>>> list_versions(std::string owner, std::string name) override {
    return plan_.pass("list_versions", inner_.list_versions(std::move(owner), std::move(name)));
  }
  async::Task<Result<domain::VersionUse>> delete_version(std::string account, std::string owner, std::string name,
                                                         std::string id) override {
    return plan_.pass("delete_version",
                      inner_.delete_version(std::move(account), std::move(owner), std::move(name), std::move(id)));
  }

 private:
  ports::Store& inner_;
  FaultPlan plan_;
};

}  // namespace hekto::test
