// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hekto::store {

/// SQLite could not do what it must be able to do: disk full, a failed sync, a damaged page. Thrown and caught inside
/// this folder only; what leaves it is an Error.
class DatabaseFault : public std::runtime_error {
 public:
  DatabaseFault(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  /// The extended SQLite result code.
  int code() const { return code_; }
  /// Somebody else holds the lock; nothing was done.
  bool busy() const;

 private:
  int code_;
};

/// Bytes that are bound as a BLOB; text is bound as TEXT.
struct Blob {
  std::string_view bytes;
};

enum class Access { read_only, read_write };

/// One SQLite connection with the statements prepared on it. One thread at a time.
class Connection {
 public:
  /// Opens an existing file; throws DatabaseFault. Nothing is read yet.
  Connection(const std::filesystem::path& file, Access access);

  /// Runs statements that return nothing of interest.
  void execute(const char* sql);
  /// The first column of the first row of, for example, a PRAGMA; 0 without a row.
  std::int64_t integer(const char* sql);

  /// Prepared at the first call and kept. `sql` must be a constant: its address is its name.
  sqlite3_stmt* prepared(const char* sql);
  /// Whether a transaction is open. SQLite ends one by itself after some failures.
  bool in_transaction() const;
  sqlite3* handle() const { return database_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3, Close> database_;  // outlives the statements, hence first
  std::unordered_map<const void*, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

/// One run of a prepared statement, which is reset at the end: a statement left open would keep its snapshot and so
/// stop the WAL from being reused. What is bound must live until then.
class Query {
 public:
  Query(Connection& connection, const char* sql);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Binds all parameters in order, starting with ?1.
  template <class... Values>
  Query& bind(const Values&... values) {
    int index = 0;
    (put(++index, values), ...);
    return *this;
  }

  /// True when there is a (further) row, whose columns are then taken from the left. Throws DatabaseFault.
  bool step();
  /// Runs to the end.
  void run();
  /// Runs to the end; false, with nothing changed, when a UNIQUE constraint forbids it.
  bool run_unless_duplicate();

  // The next column of the current row.
  std::int64_t take_int();
  bool take_bool() { return take_int() != 0; }
  std::string take_text();
  std::string take_blob();
  Time take_time() { return from_micros(take_int()); }
  std::optional<Time> take_optional_time();
  std::optional<std::string> take_optional_text();

 private:
  void put(int index, std::int64_t value);
  void put(int index, bool value) { put(index, std::int64_t{value}); }
  void put(int index, std::string_view text);
  void put(int index, const std::string& text) { put(index, std::string_view(text)); }
  void put(int index, Blob blob);
  void put(int index, Time time) { put(index, to_micros(time)); }
  void put_null(int index);
  template <class T>
  void put(int index, const std::optional<T>& value) {
    value ? put(index, *value) : put_null(index);
  }
  void check(int code) const;

  sqlite3* database_;
  sqlite3_stmt* statement_;
  int column_ = 0;
};

}  // namespace hekto::store
