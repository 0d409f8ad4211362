// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/database.h"

#include <sqlite3.h>

namespace hekto::store {
namespace {

[[noreturn]] void raise(sqlite3* database, int code) {
  // The connection's message is the more exact one, unless it belongs to an earlier call.
  const bool current = database != nullptr && (sqlite3_errcode(database) & 0xFF) == (code & 0xFF);
  const std::string text = current ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  throw DatabaseFault(code, text + " (SQLite code " + std::to_string(code) + ")");
}

}  // namespace

bool DatabaseFault::busy() const { return (code_ & 0xFF) == SQLITE_BUSY; }

void Connection::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }
void Connection::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Connection::Connection(const std::filesystem::path& file, Access access) {
  const int mode = access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  sqlite3* database = nullptr;
  // Each connection belongs to one thread, so SQLite's own locking around it would only cost.
  const int code =
      sqlite3_open_v2(file.c_str(), &database, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  database_.reset(database);
  if (code != SQLITE_OK) raise(database, code);
}

void Connection::execute(const char* sql) {
  const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise(database_.get(), code);
}

std::int64_t Connection::integer(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(database_.get(), sql, -1, &raw, nullptr);
  const std::unique_ptr<sqlite3_stmt, Finalize> statement(raw);
  if (code != SQLITE_OK) raise(database_.get(), code);
  const int stepped = sqlite3_step(raw);
  if (stepped == SQLITE_DONE) return 0;
  if (stepped != SQLITE_ROW) raise(database_.get(), stepped);
  return sqlite3_column_int64(raw, 0);
}

sqlite3_stmt* Connection::prepared(const char* sql) {
  auto& statement = statements_[sql];
  if (!statement) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) raise(database_.get(), code);
    statement.reset(raw);
  }
  return statement.get();
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

Query::Query(Connection& connection, const char* sql)
    : database_(connection.handle()), statement_(connection.prepared(sql)) {}

Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Query::step() {
  column_ = 0;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) raise(database_, code);
  return false;
}

void Query::run() {
  while (step()) {
  }
}

bool Query::run_unless_duplicate() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) return false;
  if (code != SQLITE_DONE) raise(database_, code);
  return true;
}

std::int64_t Query::take_int() { return sqlite3_column_int64(statement_, column_++); }

std::string Query::take_text() { return take_optional_text().value_or(std::string()); }

std::optional<std::string> Query::take_optional_text() {
  const int column = column_++;
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return std::nullopt;
  return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::string Query::take_blob() {
  const int column = column_++;
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::optional<Time> Query::take_optional_time() {
  if (sqlite3_column_type(statement_, column_) != SQLITE_NULL) return take_time();
  ++column_;
  return std::nullopt;
}

void Query::put(int index, std::int64_t value) { check(sqlite3_bind_int64(statement_, index, value)); }

void Query::put(int index, std::string_view text) {
  // A null pointer would bind NULL, which an empty text is not.
  const char* data = text.data() == nullptr ? "" : text.data();
  check(sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Query::put(int index, Blob blob) {
  const char* data = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
  check(sqlite3_bind_blob64(statement_, index, data, blob.bytes.size(), SQLITE_STATIC));
}

void Query::put_null(int index) { check(sqlite3_bind_null(statement_, index)); }

void Query::check(int code) const {
  if (code != SQLITE_OK) raise(database_, code);
}

}  // namespace hekto::store
