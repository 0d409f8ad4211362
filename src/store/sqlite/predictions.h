// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "ports/store.h"
#include "store/sqlite/database.h"

namespace hekto::store {

// The transactions of ports::Store that concern predictions, as plain functions on a connection. Those that change
// something run on the writer's connection inside its transaction and make at most one change each, but for
// create_prediction with a large input, create_prediction_once, discard, purge, what happens to a submission, and the
// end of a prediction with a message for the outbox or a trained version, whose parts only a failure of the database
// can keep apart.

Result<void> create_prediction(Connection& connection, const domain::Prediction& prediction);
Result<ports::Creation> create_prediction_once(Connection& connection, domain::Prediction prediction,
                                               const domain::CreateMark& mark);
Result<std::size_t> forget_marks(Connection& connection, Time now, std::size_t limit);
Result<domain::Prediction> find_prediction(Connection& connection, std::string_view id);
Result<ports::PredictionPage> list_predictions(Connection& connection, const ports::PredictionQuery& query);
Result<domain::Prediction> claim(Connection& connection, std::string_view id, Time now);
Result<domain::Prediction> record(Connection& connection, const ports::Lease& lease,
                                  const std::vector<domain::Event>& events, Time now, const ports::Outbox& outbox);
Result<domain::Prediction> end(Connection& connection, std::string_view id, const domain::Event& event, Time now,
                               const ports::Outbox& outbox);
Result<std::vector<ports::Unfinished>> unfinished(Connection& connection, std::string_view after_id, std::size_t limit);

Result<void> discard(Connection& connection, const ports::Lease& lease, std::string_view mark_scope);
Result<domain::Prediction> note_submission(Connection& connection, std::string_view id, const domain::Event& event,
                                           Time now);
Result<std::vector<std::string>> owed_cancels(Connection& connection, std::size_t limit);
Result<std::vector<domain::Prediction>> unknown_submissions(Connection& connection, std::size_t limit);
Result<std::string> find_by_remote_id(Connection& connection, std::string_view upstream, std::string_view remote_id);

Result<std::vector<std::string>> purge(Connection& connection, Time completed_before, std::size_t limit, Time now);
Result<std::vector<ports::Garbage>> garbage(Connection& connection, std::size_t limit);
Result<void> forget_garbage(Connection& connection, const std::vector<std::int64_t>& ids);
Result<std::vector<ports::Garbage>> orphans(Connection& connection, std::vector<ports::Garbage> candidates);

}  // namespace hekto::store
