// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "domain/key.h"
#include "domain/prediction.h"

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
  std::optional<Time> created_after;     ///< inclusive
  std::optional<Time> created_before;    ///< exclusive
  std::optional<std::string> before_id;  ///< only predictions older than this one: the cursor, towards older
  std::optional<std::string> after_id;   ///< only predictions newer than this one: the cursor, towards newer
  std::size_t limit = 100;
};
struct PredictionPage {
  std::vector<domain::Prediction> items;  ///< newest first in both directions
  bool more = false;                      ///< whether there is more in the direction asked for
};

/// A prediction that is not terminal, as much of it as a queue needs.
struct Unfinished {
  std::string id;
  domain::Status status = domain::Status::starting;
  std::optional<Time> deadline;
};

/// A stored file that no row names any more and that is still to be removed from the FileStore.
struct Garbage {
  std::int64_t id = 0;
  std::string owner;   ///< as FileKey
  std::string sha256;  ///< as FileKey
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
  /// conflict when the id exists.
  virtual async::Task<Result<void>> create_prediction(domain::Prediction prediction) = 0;
  /// not_found when there is none. Whose it is is for the caller to check.
  virtual async::Task<Result<domain::Prediction>> find_prediction(std::string id) = 0;
  /// not_found when a cursor names no prediction of that account.
  virtual async::Task<Result<PredictionPage>> list_predictions(PredictionQuery query) = 0;
  /// Applies Claimed: epoch and attempts go up. conflict when terminal, not_found when unknown.
  virtual async::Task<Result<domain::Prediction>> claim(std::string id, Time now) = 0;
  /// Applies the events in order with domain::apply, all or none. conflict when the lease is stale or the prediction
  /// terminal. Returns the prediction after them. invalid_input for Claimed and Purged, which no worker decides.
  virtual async::Task<Result<domain::Prediction>> record(Lease lease, std::vector<domain::Event> events, Time now) = 0;
  /// Applies one event that ends it (Canceled, DeadlinePassed, Failed) whatever the lease; the epoch goes up, so that
  /// the worker's later writes are refused. conflict when terminal already, invalid_input for an event that ends
  /// nothing.
  virtual async::Task<Result<domain::Prediction>> end(std::string id, domain::Event event, Time now) = 0;
  /// Predictions that are not terminal, oldest first, of those created after `after_id` (empty: from the start).
  /// not_found when there is no such prediction.
  virtual async::Task<Result<std::vector<Unfinished>>> unfinished(std::string after_id, std::size_t limit) = 0;

  // Retention.
  /// Purges up to `limit` predictions that completed before `completed_before` (domain Purged) and keeps their files as
  /// garbage, in one transaction, those that completed first first. Returns the ids of those purged.
  virtual async::Task<Result<std::vector<std::string>>> purge(Time completed_before, std::size_t limit, Time now) = 0;
  virtual async::Task<Result<std::vector<Garbage>>> garbage(std::size_t limit) = 0;
  /// Forgets garbage whose bytes are gone.
  virtual async::Task<Result<void>> forget_garbage(std::vector<std::int64_t> ids) = 0;
  /// Which of these (prediction id, sha256) pairs no prediction and no garbage names: files to remove.
  virtual async::Task<Result<std::vector<Garbage>>> orphans(std::vector<Garbage> candidates) = 0;
};

}  // namespace hekto::ports
