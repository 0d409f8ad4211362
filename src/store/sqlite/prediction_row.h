// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/prediction.h"
#include "store/sqlite/database.h"

namespace hekto::store {

/// A row of predictions. `seq` is the order of creation: what lists and cursors go by.
struct PredictionRow {
  std::int64_t seq = 0;
  domain::Prediction prediction;
};

/// The columns in the order in which take_row reads them. A macro, because statements are constants put together from
/// literals.
#define HEKTO_PREDICTION_COLUMNS                                                                                 \
  "seq, id, account_id, status, created_at, started_at, completed_at, deadline, epoch, attempts, test, stream, " \
  "data_removed, key_id, model, version, coalesce(deployment, ''), destination, base, relay, upstream, "         \
  "upstream_account, attempt, submission, submitted_at, remote_id, cancel_owed, settled, upstream_created_at, "  \
  "upstream_started_at, upstream_completed_at, metrics, error, files, "                                          \
  "coalesce(input, (SELECT l.input FROM large_inputs l WHERE l.seq = predictions.seq)), logs, output, "          \
  "webhook, coalesce(steering, '')"

/// Reads the current row of a query for HEKTO_PREDICTION_COLUMNS. Throws std::runtime_error when it makes no sense.
PredictionRow take_row(Query& query);

std::optional<PredictionRow> load_prediction(Connection& connection, std::string_view id);

/// Adds a row (two for a large input); false when the id is taken.
bool insert_prediction(Connection& connection, const domain::Prediction& prediction);
bool has_large_input(const domain::Prediction& prediction);

// What can change in a row, from the least to write to the most. Output and logs are written with each but the lease.
void update_lease(Connection& connection, const PredictionRow& row);
void update_progress(Connection& connection, const PredictionRow& row);
void update_state(Connection& connection, const PredictionRow& row);
/// The submission, and what it says of the model, the version and the stream.
void update_submission(Connection& connection, const PredictionRow& row);
/// The row and what belongs to it alone.
void delete_prediction(Connection& connection, const PredictionRow& row);
/// After Purged: input, output, files and logs as the row now has them.
void update_purged(Connection& connection, const PredictionRow& row);

}  // namespace hekto::store
