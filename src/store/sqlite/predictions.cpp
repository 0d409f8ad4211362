// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/predictions.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <variant>

#include "store/sqlite/page.h"
#include "store/sqlite/prediction_row.h"
#include "store/sqlite/resources.h"
#include "store/sqlite/webhooks.h"

namespace hekto::store {
namespace {

using domain::Prediction;

constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();

/// How far the time that an upstream says may be from ours.
constexpr std::int64_t kTimesApart = 3'600'000'000;

// created_at is the index's last column, so that rows outside the span are passed over without being read. Clients see
// the upstream's time of what is relayed, and that one decides.
#define HEKTO_LIST(index, kind)                                            \
  "SELECT " HEKTO_PREDICTION_COLUMNS " FROM predictions INDEXED BY " index \
  " WHERE account_id = ?1 AND destination IS " kind                        \
  " AND seq > ?2 AND seq < ?3 "                                            \
  "AND created_at >= ?7 AND created_at < ?8 "                              \
  "AND coalesce(upstream_created_at, created_at) >= ?4 "                   \
  "AND coalesce(upstream_created_at, created_at) < ?5 ORDER BY seq "
#define HEKTO_LIST_PREDICTIONS HEKTO_LIST("predictions_by_account", "NULL")
#define HEKTO_LIST_TRAININGS HEKTO_LIST("trainings_by_account", "NOT NULL")
constexpr char kListOlder[] = HEKTO_LIST_PREDICTIONS "DESC LIMIT ?6";
constexpr char kListNewer[] = HEKTO_LIST_PREDICTIONS "ASC LIMIT ?6";
constexpr char kTrainingsOlder[] = HEKTO_LIST_TRAININGS "DESC LIMIT ?6";
constexpr char kTrainingsNewer[] = HEKTO_LIST_TRAININGS "ASC LIMIT ?6";

constexpr char kSeqOf[] = "SELECT seq, account_id FROM predictions WHERE id = ?1";
constexpr char kUnfinished[] =
    "SELECT id, status, deadline, relay IS NOT NULL FROM predictions INDEXED BY predictions_unfinished "
    "WHERE status < 2 AND seq > ?1 ORDER BY seq LIMIT ?2";

std::unexpected<Error> unknown(std::string_view id) {
  return fail(ErrorCode::not_found, "there is no prediction " + std::string(id));
}

/// The place of prediction `id`; nullopt when there is none, or it is not `account`'s (empty: anybody's).
std::optional<std::int64_t> seq_of(Connection& connection, std::string_view id, std::string_view account) {
  Query query(connection, kSeqOf);
  query.bind(id);
  if (!query.step()) return std::nullopt;
  const auto seq = query.take_int();
  if (!account.empty() && query.take_text() != account) return std::nullopt;
  return seq;
}

/// How much of a prediction there is. Events only ever add, so equal amounts mean that nothing changed.
struct Amount {
  explicit Amount(const Prediction& p)
      : logs(p.logs.size()), items(p.output.items.size()), files(p.output.files.size()) {}
  friend bool operator==(const Amount&, const Amount&) = default;
  std::size_t logs;
  std::size_t items;
  std::size_t files;
};

/// Writes the end of a prediction, the message that tells of it and the version that a training made. These two are
/// made first: nothing that may throw comes between the changes. `made`: as domain::Succeeded.
void write_end(Connection& connection, const PredictionRow& row, std::string_view made, const ports::Outbox& outbox) {
  const Prediction& p = row.prediction;
  const auto message = outbox ? outbox(p) : std::nullopt;
  const bool trained = p.training && p.status == domain::Status::succeeded;
  const auto version = trained ? domain::trained_version(p, made) : std::nullopt;
  update_state(connection, row);
  if (version) insert_version(connection, *version);
  if (message) insert_webhook(connection, *message);
}

}  // namespace

Result<void> create_prediction(Connection& connection, const Prediction& prediction) {
  // One without a base goes to a model of an upstream, which knows it.
  if (prediction.training && !(prediction.relay && prediction.training->base.empty()) &&
      !is_model_of(connection, prediction.account, prediction.training->destination)) {
    return fail(ErrorCode::not_found, "the account has no model " + prediction.training->destination);
  }
  if (!insert_prediction(connection, prediction)) {
    return fail(ErrorCode::conflict, "there is a prediction " + prediction.id + " already");
  }
  return {};
}

Result<Prediction> find_prediction(Connection& connection, std::string_view id) {
  auto row = load_prediction(connection, id);
  if (!row) return unknown(id);
  return std::move(row->prediction);
}

Result<ports::PredictionPage> list_predictions(Connection& connection, const ports::PredictionQuery& q) {
  std::int64_t after = kFirst;
  std::int64_t before = kLast;
  // Rows neither move nor vanish, so the cursors may be looked up before the list itself.
  for (const auto& [cursor, bound] : {std::pair{&q.after_id, &after}, std::pair{&q.before_id, &before}}) {
    if (!*cursor) continue;
    const auto seq = seq_of(connection, **cursor, q.account);
    if (!seq) return unknown(**cursor);
    *bound = *seq;
  }
  const bool newer = q.after_id && !q.before_id;
  const char* const older = q.trainings ? kTrainingsOlder : kListOlder;
  Query query(connection, newer ? (q.trainings ? kTrainingsNewer : kListNewer) : older);
  const auto from = q.created_after ? to_micros(*q.created_after) : kFirst;
  const auto to = q.created_before ? to_micros(*q.created_before) : kLast;
  query.bind(q.account, after, before, from, to, limit_number(q.limit) + 1,
             std::max(from, kFirst + kTimesApart) - kTimesApart, std::min(to, kLast - kTimesApart) + kTimesApart);
  ports::PredictionPage page;
  while (query.step()) {
    if (page.items.size() == q.limit) {
      page.more = true;
      break;
    }
    page.items.push_back(take_row(query).prediction);
  }
  if (newer) std::ranges::reverse(page.items);
  return page;
}

Result<Prediction> claim(Connection& connection, std::string_view id, Time now) {
  auto row = load_prediction(connection, id);
  if (!row) return unknown(id);
  auto claimed = domain::apply(std::move(row->prediction), domain::Claimed{}, now);
  if (!claimed) return claimed;
  row->prediction = std::move(*claimed);
  update_lease(connection, *row);
  return std::move(row->prediction);
}

Result<Prediction> record(Connection& connection, const ports::Lease& lease, const std::vector<domain::Event>& events,
                          Time now, const ports::Outbox& outbox) {
  auto row = load_prediction(connection, lease.prediction_id);
  if (!row) return unknown(lease.prediction_id);
  Prediction& p = row->prediction;
  if (domain::is_terminal(p.status)) {
    return fail(ErrorCode::conflict, "prediction " + p.id + " has ended");
  }
  if (p.epoch != lease.epoch) {
    return fail(ErrorCode::conflict, "the lease on prediction " + p.id + " has passed to another worker");
  }
  const auto status = p.status;
  const Amount amount(p);
  const auto submission = p.submission;
  const auto theirs = p.upstream_times;
  std::string made;
  for (const auto& event : events) {
    if (const auto* succeeded = std::get_if<domain::Succeeded>(&event)) made = succeeded->made;
    if (std::holds_alternative<domain::Claimed>(event) || std::holds_alternative<domain::Purged>(event)) {
      return fail(ErrorCode::invalid_input, "a worker can record neither a claim nor a purge");
    }
    auto next = domain::apply(std::move(p), event, now);
    if (!next) return next;
    p = std::move(*next);
  }
  if (p.submission != submission || p.upstream_times != theirs) update_submission(connection, *row);
  if (domain::is_terminal(p.status)) {
    write_end(connection, *row, made, outbox);
  } else if (p.status != status) {
    update_state(connection, *row);
  } else if (Amount(p) != amount) {
    update_progress(connection, *row);
  }
  return std::move(p);
}

Result<Prediction> end(Connection& connection, std::string_view id, const domain::Event& event, Time now,
                       const ports::Outbox& outbox) {
  auto row = load_prediction(connection, id);
  if (!row) return unknown(id);
  if (domain::is_terminal(row->prediction.status)) {
    return fail(ErrorCode::conflict, "prediction " + std::string(id) + " has ended");
  }
  auto ended = domain::apply(std::move(row->prediction), event, now);
  if (!ended) return ended;
  if (!domain::is_terminal(ended->status)) {
    return fail(ErrorCode::invalid_input, "this event does not end a prediction");
  }
  const bool owes = ended->submission && ended->submission->cancel_owed;
  row->prediction = std::move(*ended);
  ++row->prediction.epoch;
  if (owes) update_submission(connection, *row);
  write_end(connection, *row, {}, outbox);
  return std::move(row->prediction);
}

Result<std::vector<ports::Unfinished>> unfinished(Connection& connection, std::string_view after_id,
                                                  std::size_t limit) {
  const auto after = after_id.empty() ? std::optional(kFirst) : seq_of(connection, after_id, {});
  if (!after) return unknown(after_id);
  Query query(connection, kUnfinished);
  query.bind(*after, limit_number(limit));
  std::vector<ports::Unfinished> found;
  while (query.step()) {
    auto& entry = found.emplace_back();
    entry.id = query.take_text();
    entry.status = static_cast<domain::Status>(query.take_int());
    entry.deadline = query.take_optional_time();
    entry.relayed = query.take_bool();
  }
  return found;
}

}  // namespace hekto::store
