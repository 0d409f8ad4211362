// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/accounts.h"

namespace hekto::store {
namespace {

constexpr char kInsertAccount[] = "INSERT INTO accounts(id, name, created_at) VALUES(?1, ?2, ?3)";
constexpr char kListAccounts[] = "SELECT id, name, created_at FROM accounts ORDER BY seq";
constexpr char kHasAccount[] = "SELECT 1 FROM accounts WHERE id = ?1";

#define HEKTO_KEY_COLUMNS "id, account_id, name, test, sha256, created_at, expires_at, revoked_at"
constexpr char kInsertKey[] = "INSERT INTO keys(" HEKTO_KEY_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
constexpr char kListKeys[] = "SELECT " HEKTO_KEY_COLUMNS " FROM keys ORDER BY seq";
constexpr char kRevokeKey[] =
    "UPDATE keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1 RETURNING " HEKTO_KEY_COLUMNS;

constexpr char kInsertSetting[] = "INSERT INTO settings(name, value) VALUES(?1, ?2) ON CONFLICT DO NOTHING";
constexpr char kSetting[] = "SELECT value FROM settings WHERE name = ?1";

domain::Key take_key(Query& query) {
  domain::Key key;
  key.id = query.take_text();
  key.account = query.take_text();
  key.name = query.take_text();
  key.test = query.take_bool();
  key.sha256 = query.take_blob();
  key.created_at = query.take_time();
  key.expires_at = query.take_optional_time();
  key.revoked_at = query.take_optional_time();
  return key;
}

}  // namespace

Result<void> create_account(Connection& connection, const domain::Account& account) {
  Query insert(connection, kInsertAccount);
  insert.bind(account.id, account.name, account.created_at);
  if (!insert.run_unless_duplicate()) {
    return fail(ErrorCode::conflict, "there is an account called " + account.name + " already");
  }
  return {};
}

Result<std::vector<domain::Account>> list_accounts(Connection& connection) {
  Query query(connection, kListAccounts);
  std::vector<domain::Account> accounts;
  while (query.step()) {
    auto& account = accounts.emplace_back();
    account.id = query.take_text();
    account.name = query.take_text();
    account.created_at = query.take_time();
  }
  return accounts;
}

Result<void> create_key(Connection& connection, const domain::Key& key) {
  Query account(connection, kHasAccount);
  if (!account.bind(key.account).step()) return fail(ErrorCode::not_found, "there is no account " + key.account);
  Query insert(connection, kInsertKey);
  insert.bind(key.id, key.account, key.name, key.test, Blob{key.sha256}, key.created_at, key.expires_at,
              key.revoked_at);
  if (!insert.run_unless_duplicate()) return fail(ErrorCode::conflict, "there is a key " + key.id + " already");
  return {};
}

Result<std::vector<domain::Key>> list_keys(Connection& connection) {
  Query query(connection, kListKeys);
  std::vector<domain::Key> keys;
  while (query.step()) keys.push_back(take_key(query));
  return keys;
}

Result<domain::Key> revoke_key(Connection& connection, std::string_view key_id, Time now) {
  Query update(connection, kRevokeKey);
  if (!update.bind(key_id, now).step()) return fail(ErrorCode::not_found, "there is no key " + std::string(key_id));
  auto key = take_key(update);
  update.run();
  return key;
}

Result<std::string> setting(Connection& connection, std::string_view name, std::string_view value) {
  Query(connection, kInsertSetting).bind(name, Blob{value}).run();
  Query query(connection, kSetting);
  query.bind(name).step();
  return query.take_blob();
}

}  // namespace hekto::store
