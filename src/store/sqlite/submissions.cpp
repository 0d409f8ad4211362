// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/page.h"
#include "store/sqlite/prediction_row.h"
#include "store/sqlite/predictions.h"

namespace hekto::store {
namespace {

using domain::Prediction;

constexpr char kDeleteMark[] = "DELETE FROM create_marks WHERE scope = ?1 AND prediction_id = ?2";
constexpr char kOwedCancels[] =
    "SELECT id FROM predictions INDEXED BY predictions_cancel_owed WHERE cancel_owed = 1 ORDER BY seq LIMIT ?1";
constexpr char kUnknown[] = "SELECT " HEKTO_PREDICTION_COLUMNS
                            " FROM predictions INDEXED BY predictions_unknown "
                            "WHERE submission = 2 AND settled = 0 ORDER BY seq DESC LIMIT ?1";
constexpr char kByRemoteId[] =
    "SELECT id FROM predictions INDEXED BY predictions_by_remote_id WHERE upstream = ?1 AND remote_id = ?2 "
    "ORDER BY seq LIMIT 1";

bool is_note(const domain::Event& event) {
  return std::holds_alternative<domain::Submitted>(event) || std::holds_alternative<domain::SubmissionDropped>(event) ||
         std::holds_alternative<domain::CancelRelayed>(event) ||
         std::holds_alternative<domain::SubmissionSettled>(event);
}

std::unexpected<Error> unknown(std::string_view id) {
  return fail(ErrorCode::not_found, "there is no prediction " + std::string(id));
}

}  // namespace

Result<void> discard(Connection& connection, const ports::Lease& lease, std::string_view mark_scope) {
  const auto row = load_prediction(connection, lease.prediction_id);
  if (!row) return unknown(lease.prediction_id);
  if (domain::is_terminal(row->prediction.status) || row->prediction.epoch != lease.epoch) {
    return fail(ErrorCode::conflict, "prediction " + lease.prediction_id + " has ended or passed to another worker");
  }
  delete_prediction(connection, *row);
  if (!mark_scope.empty()) Query(connection, kDeleteMark).bind(Blob{mark_scope}, lease.prediction_id).run();
  return {};
}

Result<Prediction> note_submission(Connection& connection, std::string_view id, const domain::Event& event, Time now) {
  if (!is_note(event)) return fail(ErrorCode::invalid_input, "this event does not concern a submission");
  auto row = load_prediction(connection, id);
  if (!row) return unknown(id);
  auto noted = domain::apply(std::move(row->prediction), event, now);
  if (!noted) return noted;
  row->prediction = std::move(*noted);
  update_submission(connection, *row);
  return std::move(row->prediction);
}

Result<std::vector<std::string>> owed_cancels(Connection& connection, std::size_t limit) {
  Query query(connection, kOwedCancels);
  query.bind(limit_number(limit));
  std::vector<std::string> found;
  while (query.step()) found.push_back(query.take_text());
  return found;
}

Result<std::vector<Prediction>> unknown_submissions(Connection& connection, std::size_t limit) {
  Query query(connection, kUnknown);
  query.bind(limit_number(limit));
  std::vector<Prediction> found;
  while (query.step()) found.push_back(take_row(query).prediction);
  return found;
}

Result<std::string> find_by_remote_id(Connection& connection, std::string_view upstream, std::string_view remote_id) {
  Query query(connection, kByRemoteId);
  query.bind(upstream, remote_id);
  if (!query.step()) return fail(ErrorCode::not_found, "no prediction has this id at the upstream");
  return query.take_text();
}

}  // namespace hekto::store
