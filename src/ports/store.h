// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "domain/create_mark.h"
#include "domain/deployment.h"
#include "domain/file.h"
#include "domain/key.h"
#include "domain/owned_model.h"
#include "domain/prediction.h"
#include "domain/trained_version.h"
#include "domain/webhook.h"

namespace hekto::ports {

/// The right of one worker to go on with a prediction: writes that carry an older epoch than the store's are refused.
struct Lease {
  std::string prediction_id;
  std::int64_t epoch = 0;
};

/// What a list shows. Newest first. With after_id alone the page holds those that follow the cursor most closely; with
/// both cursors it holds the newest of those between.
struct PredictionQuery {
  std::string account;
  bool trainings = false;                ///< trainings alone; otherwise everything else
  std::optional<Time> created_after;     ///< inclusive; of the time that is shown
  std::optional<Time> created_before;    ///< exclusive
  std::optional<std::string> before_id;  ///< only predictions older than this one: the cursor, towards older
  std::optional<std::string> after_id;   ///< only predictions newer than this one: the cursor, towards newer
  std::size_t limit = 100;
};
struct PredictionPage {
  std::vector<domain::Prediction> items;  ///< newest first in both directions
  bool more = false;                      ///< whether there is more in the direction asked for
};

/// A place in a list that is ordered by time and then by id. It goes on being one when what stood there is gone.
struct Position {
  Time created_at{};
  std::string id;  ///< id or name, whatever is unique in the list
};
/// Newest first. At most one of the two cursors is given.
struct PageQuery {
  std::string account;
  std::optional<Position> before;  ///< only what is older than this: the cursor, towards older
  std::optional<Position> after;   ///< only what is newer than this: the cursor, towards newer
  std::size_t limit = 100;
};
template <class T>
struct Page {
  std::vector<T> items;  ///< newest first in both directions
  bool more = false;     ///< whether there is more in the direction asked for
};

/// A version that a training made, with its model.
struct ModelVersion {
  domain::TrainedVersion version;
  domain::OwnedModel model;
};

/// A prediction that is not terminal, as much of it as a queue needs.
struct Unfinished {
  std::string id;
  domain::Status status = domain::Status::starting;
  std::optional<Time> deadline;
  bool relayed = false;  ///< it runs at an upstream
};

/// What became of a create that may have been made before.
struct Creation {
  enum class Outcome {
    created,   ///< made now
    repeated,  ///< made by an earlier call, and not again
    differs,   ///< the mark's key belongs to another request; nothing was made
  };
  Outcome outcome = Outcome::created;
  domain::Prediction prediction;  ///< as it is now; empty when it differs
};

/// A stored file that no row names any more and that is still to be removed from the FileStore.
struct Garbage {
  std::int64_t id = 0;
  std::string owner;   ///< as FileKey
  std::string sha256;  ///< as FileKey
};

/// The message to send about a prediction that has just ended; nullopt when nobody is to be told. Pure, and quick: it
/// is called inside the transaction, on a thread of the store.
using Outbox = std::function<std::optional<domain::WebhookMessage>(const domain::Prediction& ended)>;

/// Which messages to attempt next.
struct DueWebhooksQuery {
  Time now{};
  std::vector<std::string> busy_targets;  ///< that take no further message now
  std::vector<std::string> in_flight;     ///< ids of messages that are being sent
  std::size_t limit = 100;
};
/// A message that is due, as much of it as a queue needs.
struct DueWebhook {
  std::string id;
  std::string prediction_id;
  std::string target;
  std::size_t body_size = 0;
  friend bool operator==(const DueWebhook&, const DueWebhook&) = default;
};
struct WebhooksQuery {
  std::optional<std::string> account;
  bool undelivered_only = false;  ///< those given up, and those that failed and are to be tried again
  std::size_t limit = 100;
};
struct WebhookRecord {
  domain::WebhookMessage message;  ///< without the body
  std::vector<domain::WebhookAttempt> attempts;
  friend bool operator==(const WebhookRecord&, const WebhookRecord&) = default;
};
/// What the log of a message says when its time ran out before it was taken.
inline constexpr std::string_view kWebhookExpired = "given up: not taken in time";
struct WebhookSweep {
  std::size_t expired = 0;    ///< given up in this sweep
  std::size_t forgotten = 0;  ///< removed in this sweep
  std::size_t pending = 0;    ///< left
};

/// Everything durable. One method is one transaction: when it returns a value, the change is committed and synced;
/// when it returns an error other than `storage`, nothing changed. After `storage` from a method that writes, the
/// outcome of that call is unknown and the store refuses further writes (unavailable) until it is opened anew; reads
/// go on. Under more load than it can queue it answers unavailable at once.
/// Any thread; results arrive on the calling task's executor. Order: "newer" and "older" are by creation in this store.
class Store {
 public:
  virtual ~Store() = default;

  /// False once a change ended with `storage`: from then on every change is refused. Does not block.
  virtual bool accepts_writes() const = 0;
  /// False while the disk has less than its reserve left: new work is then to be refused, so that what was accepted can
  /// be finished; changes go on. True again once there is room. Does not block.
  virtual bool has_room() const = 0;

  // Accounts and keys.
  /// conflict when the name or the id is taken.
  virtual async::Task<Result<void>> create_account(domain::Account account) = 0;
  /// Oldest first.
  virtual async::Task<Result<std::vector<domain::Account>>> list_accounts() = 0;
  /// not_found when the account does not exist, conflict when the key id does.
  virtual async::Task<Result<void>> create_key(domain::Key key) = 0;
  /// All keys, revoked ones too, oldest first.
  virtual async::Task<Result<std::vector<domain::Key>>> list_keys() = 0;
  /// Returns the key as it is now. Revoking twice keeps the first time. not_found when there is no such key id.
  virtual async::Task<Result<domain::Key>> revoke_key(std::string key_id, Time now) = 0;

  // Settings of this installation, such as the link-signing secret.
  /// Keeps `value` under `name` unless something is kept there already; returns what is kept.
  virtual async::Task<Result<std::string>> setting(std::string name, std::string value) = 0;

  // Predictions.
  /// conflict when the id exists. Of a training: not_found unless its destination is a model of its account.
  virtual async::Task<Result<void>> create_prediction(domain::Prediction prediction) = 0;
  /// The same for a create that may have been made before: unless a kept mark recognises `mark` at the prediction's
  /// created_at (domain::recognises; of several the latest), creates it and keeps the mark with it. A mark by retry
  /// that recognised one moves on to the new count and expiry. Of calls made at once exactly one creates.
  virtual async::Task<Result<Creation>> create_prediction_once(domain::Prediction prediction,
                                                               domain::CreateMark mark) = 0;
  /// Removes up to `limit` marks that expire at `now` or before. Returns how many.
  virtual async::Task<Result<std::size_t>> forget_marks(Time now, std::size_t limit) = 0;
  /// not_found when there is none. Whose it is is for the caller to check.
  virtual async::Task<Result<domain::Prediction>> find_prediction(std::string id) = 0;
  /// not_found when a cursor names no prediction of that account.
  virtual async::Task<Result<PredictionPage>> list_predictions(PredictionQuery query) = 0;
  /// Applies Claimed: epoch and attempts go up. conflict when terminal, not_found when unknown.
  virtual async::Task<Result<domain::Prediction>> claim(std::string id, Time now) = 0;
  /// Applies the events in order with domain::apply, all or none. conflict when the lease is stale or the prediction
  /// terminal. Returns the prediction after them. invalid_input for Claimed and Purged, which no worker decides.
  /// When a training succeeds, its destination gains domain::trained_version, if there is one, in the same transaction.
  virtual async::Task<Result<domain::Prediction>> record(Lease lease, std::vector<domain::Event> events, Time now) = 0;
  /// Applies one event that ends it (Canceled, DeadlinePassed, Failed) whatever the lease; the epoch goes up, so that
  /// the worker's later writes are refused. conflict when terminal already, invalid_input for an event that ends
  /// nothing.
  virtual async::Task<Result<domain::Prediction>> end(std::string id, domain::Event event, Time now) = 0;
  /// Predictions that are not terminal, oldest first, of those created after `after_id` (empty: from the start).
  /// not_found when there is no such prediction.
  virtual async::Task<Result<std::vector<Unfinished>>> unfinished(std::string after_id, std::size_t limit) = 0;

  // Relayed predictions.
  /// Removes a prediction whose create was refused by an upstream and that no client was told of, with its mark, which
  /// is of `mark_scope` (empty: there is none). conflict when the lease is stale or the prediction terminal.
  virtual async::Task<Result<void>> discard(Lease lease, std::string mark_scope) = 0;
  /// Applies Submitted, SubmissionDropped, CancelRelayed or SubmissionSettled, whatever the lease, to ended predictions
  /// too. conflict when it does not fit; invalid_input for another event.
  virtual async::Task<Result<domain::Prediction>> note_submission(std::string id, domain::Event event, Time now) = 0;
  /// Ids of ended predictions whose upstream is still to be told, those that were created first first.
  virtual async::Task<Result<std::vector<std::string>>> owed_cancels(std::size_t limit) = 0;
  /// Predictions whose submission is unknown and not settled, newest first.
  virtual async::Task<Result<std::vector<domain::Prediction>>> unknown_submissions(std::size_t limit) = 0;
  /// The prediction that `upstream` knows by this id. not_found when there is none.
  virtual async::Task<Result<std::string>> find_by_remote_id(std::string upstream, std::string remote_id) = 0;

  // Retention.
  /// Purges up to `limit` predictions that completed before `completed_before` (domain Purged) and keeps their files as
  /// garbage, in one transaction, those that completed first first. Returns the ids of those purged.
  virtual async::Task<Result<std::vector<std::string>>> purge(Time completed_before, std::size_t limit, Time now) = 0;
  virtual async::Task<Result<std::vector<Garbage>>> garbage(std::size_t limit) = 0;
  /// Forgets garbage whose bytes are gone.
  virtual async::Task<Result<void>> forget_garbage(std::vector<std::int64_t> ids) = 0;
  /// Which of these (owner, sha256) pairs no prediction, no uploaded file and no garbage names: files to remove.
  virtual async::Task<Result<std::vector<Garbage>>> orphans(std::vector<Garbage> candidates) = 0;

  // Webhooks.
  /// From now on, what `compose` says of a prediction that record or end makes terminal is written in the same
  /// transaction. A message whose id exists is kept as it is. Call once, before the first prediction changes.
  virtual void set_outbox(Outbox compose) = 0;
  /// Pending messages that are due and neither in flight nor of a busy target, the one due first first.
  virtual async::Task<Result<std::vector<DueWebhook>>> due_webhooks(DueWebhooksQuery query) = 0;
  /// With its body. not_found when there is none.
  virtual async::Task<Result<domain::WebhookMessage>> find_webhook(std::string id) = 0;
  /// Adds an attempt to the log of a message, counts it, and puts the message into `state`: pending makes it due at
  /// `next`; delivered removes the body; both others settle it when the attempt ended. A delivered message stays
  /// delivered. not_found when there is no such message.
  virtual async::Task<Result<void>> record_webhook_attempt(std::string id, domain::WebhookAttempt attempt,
                                                           domain::MessageState state, Time next) = 0;
  /// Newest first, attempts oldest first.
  virtual async::Task<Result<std::vector<WebhookRecord>>> list_webhooks(WebhooksQuery query) = 0;
  /// Makes a message pending and due now, its schedule beginning anew; the log stays. `body` is used when the message
  /// has none any more. not_found when there is no such message.
  virtual async::Task<Result<void>> resend_webhook(std::string id, std::string body, Time now) = 0;
  /// Gives up pending messages with a `since` before `expire_before` (their log says so), and removes settled ones with
  /// a settled_at before `forget_before` with their log; at most `limit` of each.
  virtual async::Task<Result<WebhookSweep>> sweep_webhooks(Time expire_before, Time forget_before, std::size_t limit,
                                                           Time now) = 0;
  /// not_found while the account has none.
  virtual async::Task<Result<domain::WebhookSecrets>> webhook_secrets(std::string account) = 0;
  /// Keeps `secret` for the account unless it has one already; returns what is kept.
  virtual async::Task<Result<domain::WebhookSecrets>> make_webhook_secret(std::string account, Secret secret) = 0;
  /// Makes `secret` the current one. The one before goes on until `previous_until`; an older one ends at once.
  virtual async::Task<Result<domain::WebhookSecrets>> rotate_webhook_secret(std::string account, Secret secret,
                                                                            Time previous_until) = 0;

  // Uploaded files.
  /// conflict when the id exists.
  virtual async::Task<Result<void>> create_file(domain::File file) = 0;
  /// not_found when there is none. Whose it is, and whether it has expired, is for the caller to check.
  virtual async::Task<Result<domain::File>> find_file(std::string id) = 0;
  /// Those of query.account that expire after `now`.
  virtual async::Task<Result<Page<domain::File>>> list_files(PageQuery query, Time now) = 0;
  /// Forgets the file and keeps its bytes as garbage. not_found unless it is `account`'s.
  virtual async::Task<Result<void>> remove_file(std::string account, std::string id) = 0;
  /// The same for up to `limit` files that expire at `now` or before, those first that expire first. Returns how many.
  virtual async::Task<Result<std::size_t>> expire_files(Time now, std::size_t limit) = 0;

  // Deployments. One is named by account id and name.
  /// conflict when the account has one of that name.
  virtual async::Task<Result<void>> create_deployment(domain::Deployment deployment) = 0;
  virtual async::Task<Result<domain::Deployment>> find_deployment(std::string account, std::string name) = 0;
  virtual async::Task<Result<Page<domain::Deployment>>> list_deployments(PageQuery query) = 0;
  /// Makes `next` the current release and returns the deployment. conflict unless its number follows the current one's,
  /// so that of two changes made at once only one is taken; not_found when there is no such deployment.
  virtual async::Task<Result<domain::Deployment>> release(std::string account, std::string name,
                                                          domain::Release next) = 0;
  /// not_found when there is none.
  virtual async::Task<Result<void>> delete_deployment(std::string account, std::string name) = 0;

  // Models that clients created. One is named by owner (the account's name) and name. `latest_version` is read, never
  // written.
  /// conflict when there is one of that owner and name.
  virtual async::Task<Result<void>> create_model(domain::OwnedModel model) = 0;
  /// not_found when there is none. Who may see it is for the caller to check.
  virtual async::Task<Result<domain::OwnedModel>> find_model(std::string owner, std::string name) = 0;
  /// Those of `account` and the public ones of all others, oldest first.
  virtual async::Task<Result<std::vector<domain::OwnedModel>>> list_models(std::string account) = 0;
  /// Replaces everything but account, owner, name and created_at. not_found when there is none.
  virtual async::Task<Result<void>> update_model(domain::OwnedModel model) = 0;
  /// not_found when there is none; conflict while it has a version, or a training is to give it one.
  virtual async::Task<Result<void>> delete_model(std::string owner, std::string name) = 0;

  // Versions that trainings made.
  /// not_found when there is none. Who may see it is for the caller to check.
  virtual async::Task<Result<ModelVersion>> find_version(std::string id) = 0;
  /// Those of one model, newest first; none when there is no such model.
  virtual async::Task<Result<std::vector<domain::TrainedVersion>>> list_versions(std::string owner,
                                                                                 std::string name) = 0;
  /// Removes version `id` of the model, unless there is something that it has to stay for, which is returned then.
  /// not_found when there is no such version, or the model is not `account`'s.
  virtual async::Task<Result<domain::VersionUse>> delete_version(std::string account, std::string owner,
                                                                 std::string name, std::string id) = 0;
};

}  // namespace hekto::ports
