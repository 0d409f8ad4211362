// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <stdexcept>

#include "store/sqlite/page.h"
#include "store/sqlite/prediction_row.h"
#include "store/sqlite/predictions.h"

namespace hekto::store {
namespace {

/// domain::recognises, with the count that a mark must be under. The latest first: also right should the clock have
/// been set back, so that an expired one before it counts again.
constexpr char kFind[] =
    "SELECT seq, request, prediction_id FROM create_marks INDEXED BY create_marks_by_scope "
    "WHERE scope = ?1 AND expires_at > ?2 AND retry < ?3 ORDER BY seq DESC LIMIT 1";
constexpr char kInsert[] =
    "INSERT INTO create_marks(scope, request, retry, expires_at, prediction_id) VALUES(?1, ?2, ?3, ?4, ?5)";
constexpr char kMoveOn[] = "UPDATE create_marks SET retry = ?2, expires_at = ?3 WHERE seq = ?1";
constexpr char kForget[] =
    "DELETE FROM create_marks WHERE seq IN (SELECT seq FROM create_marks INDEXED BY create_marks_by_expiry "
    "WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) RETURNING 1";

struct Found {
  std::int64_t seq = 0;
  std::string request;
  std::string prediction_id;
};

std::optional<Found> find_mark(Connection& connection, const domain::CreateMark& mark, Time now) {
  // A first attempt is never a repeat: most creates of clients that count are spared the search.
  if (mark.retry == 0) return std::nullopt;
  Query query(connection, kFind);
  query.bind(Blob{mark.scope}, now, std::int64_t{mark.retry.value_or(std::numeric_limits<int>::max())});
  if (!query.step()) return std::nullopt;
  Found found;
  found.seq = query.take_int();
  found.request = query.take_blob();
  found.prediction_id = query.take_text();
  return found;
}

}  // namespace

Result<ports::Creation> create_prediction_once(Connection& connection, domain::Prediction prediction,
                                               const domain::CreateMark& mark) {
  using enum ports::Creation::Outcome;
  if (const auto found = find_mark(connection, mark, prediction.created_at)) {
    if (found->request != mark.request) return ports::Creation{differs, {}};
    auto row = load_prediction(connection, found->prediction_id);
    if (!row) throw std::runtime_error("a mark names a prediction that is not there");
    if (mark.retry) {
      Query(connection, kMoveOn).bind(found->seq, std::int64_t{*mark.retry}, mark.expires_at).run();
    }
    return ports::Creation{repeated, std::move(row->prediction)};
  }
  if (auto made = create_prediction(connection, prediction); !made) return std::unexpected(made.error());
  Query(connection, kInsert)
      .bind(Blob{mark.scope}, Blob{mark.request}, std::int64_t{mark.retry.value_or(0)}, mark.expires_at, prediction.id)
      .run();
  return ports::Creation{created, std::move(prediction)};
}

Result<std::size_t> forget_marks(Connection& connection, Time now, std::size_t limit) {
  Query query(connection, kForget);
  query.bind(now, limit_number(limit));
  std::size_t count = 0;
  while (query.step()) ++count;
  return count;
}

}  // namespace hekto::store
