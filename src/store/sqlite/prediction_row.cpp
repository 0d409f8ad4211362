// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/prediction_row.h"

#include <stdexcept>
#include <string>

#include "store/sqlite/output_codec.h"

namespace hekto::store {
namespace {

using domain::Prediction;
using domain::Status;
using domain::StreamKind;
using domain::Submission;

// The numbers in the file. They cannot change once a database exists.
static_assert(static_cast<int>(Status::starting) == 0 && static_cast<int>(Status::processing) == 1 &&
              static_cast<int>(Status::succeeded) == 2 && static_cast<int>(Status::failed) == 3 &&
              static_cast<int>(Status::canceled) == 4 && static_cast<int>(Status::aborted) == 5);
static_assert(static_cast<int>(StreamKind::none) == 0 && static_cast<int>(StreamKind::text) == 1 &&
              static_cast<int>(StreamKind::files) == 2);
static_assert(static_cast<int>(Submission::State::intended) == 0 &&
              static_cast<int>(Submission::State::accepted) == 1 && static_cast<int>(Submission::State::unknown) == 2);

constexpr std::size_t kLargeInput = 16 * 1024;

constexpr char kLoad[] = "SELECT " HEKTO_PREDICTION_COLUMNS " FROM predictions WHERE id = ?1";

constexpr char kInsert[] =
    "INSERT INTO predictions(id, account_id, status, created_at, started_at, completed_at, deadline, epoch, attempts, "
    "test, stream, data_removed, key_id, model, version, deployment, destination, base, metrics, error, files, input, "
    "logs, output, webhook, steering, relay, upstream, upstream_account, attempt, submission, submitted_at, remote_id, "
    "cancel_owed, settled, upstream_created_at, upstream_started_at, upstream_completed_at) VALUES(?1, ?2, ?3, ?4, ?5, "
    "?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
    "?19, "
    "?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38)";
constexpr char kInsertLargeInput[] = "INSERT INTO large_inputs(seq, input) VALUES(last_insert_rowid(), ?1)";

constexpr char kUpdateLease[] = "UPDATE predictions SET epoch = ?2, attempts = ?3 WHERE seq = ?1";
constexpr char kUpdateProgress[] = "UPDATE predictions SET files = ?2, logs = ?3, output = ?4 WHERE seq = ?1";
constexpr char kUpdateState[] =
    "UPDATE predictions SET files = ?2, logs = ?3, output = ?4, status = ?5, started_at = ?6, completed_at = ?7, "
    "epoch = ?8, attempts = ?9, metrics = ?10, error = ?11 WHERE seq = ?1";
constexpr char kUpdatePurged[] =
    "UPDATE predictions SET files = ?2, logs = ?3, output = ?4, input = ?5, data_removed = ?6, "
    "steering = NULL WHERE seq = ?1";
constexpr char kUpdateSubmission[] =
    "UPDATE predictions SET model = ?2, version = ?3, stream = ?4, upstream = ?5, upstream_account = ?6, attempt = ?7, "
    "submission = ?8, submitted_at = ?9, remote_id = ?10, cancel_owed = ?11, settled = ?12, "
    "upstream_created_at = ?13, upstream_started_at = ?14, upstream_completed_at = ?15 WHERE seq = ?1";
constexpr char kDelete[] = "DELETE FROM predictions WHERE seq = ?1";
constexpr char kDeleteLargeInput[] = "DELETE FROM large_inputs WHERE seq = ?1";

/// The two columns of an output, kept alive while they are bound. NULL while empty costs one byte a row.
struct OutputColumns {
  explicit OutputColumns(const domain::Output& output)
      : items(output.items.empty() && !output.is_list ? std::string() : encode_items(output)),
        files(encode_files(output.files)) {}
  std::optional<Blob> items_blob() const { return items.empty() ? std::nullopt : std::optional(Blob{items}); }
  std::optional<Blob> files_blob() const { return files.empty() ? std::nullopt : std::optional(Blob{files}); }
  std::string items;
  std::string files;
};

template <class Enum>
std::int64_t number(Enum value) {
  return static_cast<std::int64_t>(value);
}

template <class Enum>
Enum enumerator(std::int64_t value, Enum last, const std::string& id) {
  if (value < 0 || value > number(last)) throw std::runtime_error("the row of prediction " + id + " is damaged");
  return static_cast<Enum>(value);
}

/// The columns of a submission, kept alive while they are bound. All NULL without one.
struct SubmissionColumns {
  explicit SubmissionColumns(const std::optional<Submission>& submission) {
    if (!submission) return;
    upstream = submission->upstream;
    account = submission->account;
    attempt = submission->attempt;
    state = number(submission->state);
    at = submission->at;
    if (!submission->remote_id.empty()) remote_id = submission->remote_id;
    cancel_owed = submission->cancel_owed;
    settled = submission->settled;
  }
  std::optional<std::string_view> upstream, account, attempt, remote_id;
  std::optional<std::int64_t> state;
  std::optional<Time> at;
  std::optional<bool> cancel_owed, settled;
};

void take_relay(Query& query, Prediction& p) {
  if (const auto relay = query.take_optional_text()) {
    p.relay = domain::parse_relay_target(*relay);
    if (!p.relay) throw std::runtime_error("the target of prediction " + p.id + " is damaged");
  }
  Submission submission;
  auto upstream = query.take_optional_text();
  submission.account = query.take_text();
  submission.attempt = query.take_text();
  submission.state = enumerator(query.take_int(), Submission::State::unknown, p.id);
  submission.at = query.take_time();
  submission.remote_id = query.take_text();
  submission.cancel_owed = query.take_bool();
  submission.settled = query.take_bool();
  p.upstream_times = {query.take_optional_time(), query.take_optional_time(), query.take_optional_time()};
  if (!upstream) return;
  submission.upstream = std::move(*upstream);
  p.submission = std::move(submission);
}

}  // namespace

PredictionRow take_row(Query& query) {
  PredictionRow row;
  Prediction& p = row.prediction;
  row.seq = query.take_int();
  p.id = query.take_text();
  p.account = query.take_text();
  p.status = enumerator(query.take_int(), Status::aborted, p.id);
  p.created_at = query.take_time();
  p.started_at = query.take_optional_time();
  p.completed_at = query.take_optional_time();
  p.deadline = query.take_optional_time();
  p.epoch = query.take_int();
  p.attempts = static_cast<int>(query.take_int());
  p.test = query.take_bool();
  p.stream = enumerator(query.take_int(), StreamKind::files, p.id);
  p.data_removed = query.take_bool();
  p.key_id = query.take_text();
  p.model = query.take_text();
  p.version = query.take_text();
  p.deployment = query.take_text();
  auto destination = query.take_optional_text();
  auto base = query.take_optional_text();
  if (destination) p.training = domain::TrainingTarget{std::move(*destination), std::move(base).value_or("")};
  take_relay(query, p);
  p.metrics = query.take_text();
  p.error = query.take_optional_text();
  const std::string files = query.take_blob();
  p.input = query.take_text();
  p.logs = query.take_text();
  const std::string items = query.take_blob();
  if (!decode_files(files, p.output.files) || (!items.empty() && !decode_items(items, p.output))) {
    throw std::runtime_error("the output of prediction " + p.id + " is damaged");
  }
  const std::string webhook = query.take_blob();
  if (!webhook.empty() && !decode_webhook(webhook, p.webhook.emplace())) {
    throw std::runtime_error("the webhook of prediction " + p.id + " is damaged");
  }
  p.steering = query.take_text();
  return row;
}

std::optional<PredictionRow> load_prediction(Connection& connection, std::string_view id) {
  Query query(connection, kLoad);
  query.bind(id);
  if (!query.step()) return std::nullopt;
  return take_row(query);
}

bool has_large_input(const Prediction& prediction) { return prediction.input.size() > kLargeInput; }

bool insert_prediction(Connection& connection, const Prediction& p) {
  const OutputColumns output(p.output);
  const bool apart = has_large_input(p);
  const auto input = apart ? std::nullopt : std::optional<std::string_view>(p.input);
  const auto deployment = p.deployment.empty() ? std::nullopt : std::optional<std::string_view>(p.deployment);
  const auto steering = p.steering.empty() ? std::nullopt : std::optional<std::string_view>(p.steering);
  const std::string webhook = p.webhook ? encode_webhook(*p.webhook) : std::string();
  const SubmissionColumns submission(p.submission);
  const auto relay = p.relay ? std::optional(to_text(*p.relay)) : std::nullopt;
  Query insert(connection, kInsert);
  insert.bind(p.id, p.account, number(p.status), p.created_at, p.started_at, p.completed_at, p.deadline, p.epoch,
              std::int64_t{p.attempts}, p.test, number(p.stream), p.data_removed, p.key_id, p.model, p.version,
              deployment, p.training ? std::optional<std::string_view>(p.training->destination) : std::nullopt,
              p.training ? std::optional<std::string_view>(p.training->base) : std::nullopt, p.metrics, p.error,
              output.files_blob(), input, p.logs, output.items_blob(),
              p.webhook ? std::optional(Blob{webhook}) : std::nullopt, steering, relay, submission.upstream,
              submission.account, submission.attempt, submission.state, submission.at, submission.remote_id,
              submission.cancel_owed, submission.settled, p.upstream_times.created, p.upstream_times.started,
              p.upstream_times.completed);
  if (!insert.run_unless_duplicate()) return false;
  if (apart) Query(connection, kInsertLargeInput).bind(p.input).run();
  return true;
}

void update_lease(Connection& connection, const PredictionRow& row) {
  const Prediction& p = row.prediction;
  Query(connection, kUpdateLease).bind(row.seq, p.epoch, std::int64_t{p.attempts}).run();
}

void update_progress(Connection& connection, const PredictionRow& row) {
  const OutputColumns output(row.prediction.output);
  Query(connection, kUpdateProgress).bind(row.seq, output.files_blob(), row.prediction.logs, output.items_blob()).run();
}

void update_state(Connection& connection, const PredictionRow& row) {
  const Prediction& p = row.prediction;
  const OutputColumns output(p.output);
  Query(connection, kUpdateState)
      .bind(row.seq, output.files_blob(), p.logs, output.items_blob(), number(p.status), p.started_at, p.completed_at,
            p.epoch, std::int64_t{p.attempts}, p.metrics, p.error)
      .run();
}

void update_submission(Connection& connection, const PredictionRow& row) {
  const Prediction& p = row.prediction;
  const SubmissionColumns submission(p.submission);
  Query(connection, kUpdateSubmission)
      .bind(row.seq, p.model, p.version, number(p.stream), submission.upstream, submission.account, submission.attempt,
            submission.state, submission.at, submission.remote_id, submission.cancel_owed, submission.settled,
            p.upstream_times.created, p.upstream_times.started, p.upstream_times.completed)
      .run();
}

void delete_prediction(Connection& connection, const PredictionRow& row) {
  if (has_large_input(row.prediction)) Query(connection, kDeleteLargeInput).bind(row.seq).run();
  Query(connection, kDelete).bind(row.seq).run();
}

void update_purged(Connection& connection, const PredictionRow& row) {
  const Prediction& p = row.prediction;
  const OutputColumns output(p.output);
  Query(connection, kUpdatePurged)
      .bind(row.seq, output.files_blob(), p.logs, output.items_blob(), p.input, p.data_removed)
      .run();
  Query(connection, kDeleteLargeInput).bind(row.seq).run();
}

}  // namespace hekto::store
