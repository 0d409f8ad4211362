// SPDX-License-Identifier: Apache-2.0
// Uploaded files.
#include <string>

#include "store/sqlite/page.h"
#include "store/sqlite/resources.h"

namespace hekto::store {
namespace {

#define HEKTO_FILE_COLUMNS "id, account_id, created_at, expires_at, size, sha256, name, content_type, metadata"
constexpr char kInsert[] = "INSERT INTO files(" HEKTO_FILE_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
constexpr char kFind[] = "SELECT " HEKTO_FILE_COLUMNS " FROM files WHERE id = ?1";
constexpr char kHas[] = "SELECT 1 FROM files WHERE id = ?1 AND sha256 = ?2";

#define HEKTO_LIST_FILES                                                                           \
  "SELECT " HEKTO_FILE_COLUMNS                                                                     \
  " FROM files INDEXED BY files_by_account WHERE account_id = ?1 AND (created_at, id) > (?2, ?3) " \
  "AND (created_at, id) < (?4, ?5) AND expires_at > ?6 "
constexpr char kListOlder[] = HEKTO_LIST_FILES "ORDER BY created_at DESC, id DESC LIMIT ?7";
constexpr char kListNewer[] = HEKTO_LIST_FILES "ORDER BY created_at, id LIMIT ?7";

constexpr char kAddGarbage[] =
    "INSERT INTO garbage(owner, sha256) SELECT id, sha256 FROM files WHERE id = ?1 AND account_id = ?2 "
    "ON CONFLICT DO NOTHING";
constexpr char kDelete[] = "DELETE FROM files WHERE id = ?1 AND account_id = ?2 RETURNING 1";
constexpr char kExpired[] =
    "SELECT id, account_id FROM files INDEXED BY files_by_expiry WHERE expires_at <= ?1 ORDER BY expires_at, id "
    "LIMIT ?2";

domain::File take_file(Query& query) {
  domain::File file;
  file.id = query.take_text();
  file.account = query.take_text();
  file.created_at = query.take_time();
  file.expires_at = query.take_time();
  file.size = static_cast<std::uint64_t>(query.take_int());
  file.sha256 = query.take_text();
  file.name = query.take_text();
  file.content_type = query.take_text();
  file.metadata = query.take_text();
  return file;
}

std::unexpected<Error> unknown(std::string_view id) {
  return fail(ErrorCode::not_found, "there is no file " + std::string(id));
}

/// False when there is none.
bool drop(Connection& connection, std::string_view account, std::string_view id) {
  Query(connection, kAddGarbage).bind(id, account).run();
  Query remove(connection, kDelete);
  if (!remove.bind(id, account).step()) return false;
  remove.run();
  return true;
}

}  // namespace

Result<void> create_file(Connection& connection, const domain::File& file) {
  Query insert(connection, kInsert);
  insert.bind(file.id, file.account, file.created_at, file.expires_at, static_cast<std::int64_t>(file.size),
              file.sha256, file.name, file.content_type, file.metadata);
  if (!insert.run_unless_duplicate()) return fail(ErrorCode::conflict, "there is a file " + file.id + " already");
  return {};
}

Result<domain::File> find_file(Connection& connection, std::string_view id) {
  Query query(connection, kFind);
  if (!query.bind(id).step()) return unknown(id);
  return take_file(query);
}

Result<ports::Page<domain::File>> list_files(Connection& connection, const ports::PageQuery& q, Time now) {
  const PageBounds bounds(q);
  Query query(connection, bounds.towards_newer ? kListNewer : kListOlder);
  query.bind(q.account, bounds.after_time, bounds.after_id, bounds.before_time, bounds.before_id, now,
             limit_number(q.limit) + 1);
  return take_page<domain::File>(query, q.limit, bounds.towards_newer, take_file);
}

Result<void> remove_file(Connection& connection, std::string_view account, std::string_view id) {
  if (!drop(connection, account, id)) return unknown(id);
  return {};
}

Result<std::size_t> expire_files(Connection& connection, Time now, std::size_t limit) {
  std::vector<std::pair<std::string, std::string>> due;
  {
    // Read to the end first: what follows changes the very index that this walks along.
    Query query(connection, kExpired);
    query.bind(now, limit_number(limit));
    while (query.step()) {
      auto id = query.take_text();
      due.emplace_back(std::move(id), query.take_text());
    }
  }
  for (const auto& [id, account] : due) drop(connection, account, id);
  return due.size();
}

bool has_file(Connection& connection, std::string_view id, std::string_view sha256) {
  Query query(connection, kHas);
  return query.bind(id, sha256).step();
}

}  // namespace hekto::store
