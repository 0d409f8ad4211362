// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/schema.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <sqlite3.h>

namespace hekto::store {
namespace {

/// "Hekt" as a big-endian number, in the header of every database of ours.
constexpr std::int64_t kApplicationId = 0x48656B74;

/// The order of the columns puts what lists and queues look at first, and what may be long last, where it lies on
/// overflow pages that need not be read. `status` and `stream` are the numbers of
/// domain::Status and domain::StreamKind; times are microseconds.
/// An input over 16 KiB lies in large_inputs: every UPDATE writes its whole row again, and inputs never change.
/// A message's body lies apart for the same reason: every attempt writes the row of the message.
/// A row with a destination is a training; `base` and the versions' are domain::TrainingTarget's. `home` is that of a
/// version that lies at an upstream, as domain::to_text writes it.
/// A row with `relay` runs at an upstream; the columns after it are domain::Submission's
/// and domain::UpstreamTimes', NULL without one.
/// The partial indexes hold only what the queue and retention still have to look at, however many rows there are, and
/// the trainings, which are few.
constexpr const char* kSchema = R"sql(
CREATE TABLE accounts(
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE keys(
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL,
  name TEXT NOT NULL,
  test INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT;

CREATE TABLE settings(
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;

CREATE TABLE predictions(
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL,
  status INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  deadline INTEGER,
  epoch INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  test INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  data_removed INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  deployment TEXT,
  destination TEXT,
  base TEXT,
  relay TEXT,
  upstream TEXT,
  upstream_account TEXT,
  attempt TEXT,
  submission INTEGER,
  submitted_at INTEGER,
  remote_id TEXT,
  cancel_owed INTEGER,
  settled INTEGER,
  upstream_created_at INTEGER,
  upstream_started_at INTEGER,
  upstream_completed_at INTEGER,
  metrics TEXT NOT NULL,
  webhook BLOB,
  error TEXT,
  steering TEXT,
  files BLOB,
  input TEXT,
  logs TEXT NOT NULL,
  output BLOB
) STRICT;
CREATE INDEX predictions_by_account ON predictions(account_id, seq, created_at);
CREATE INDEX predictions_unfinished ON predictions(seq) WHERE status < 2;
CREATE INDEX trainings_by_account ON predictions(account_id, seq, created_at) WHERE destination IS NOT NULL;
CREATE INDEX trainings_by_destination ON predictions(destination) WHERE destination IS NOT NULL AND status < 2;
CREATE INDEX trainings_by_version ON predictions(version) WHERE destination IS NOT NULL;
CREATE INDEX predictions_cancel_owed ON predictions(seq) WHERE cancel_owed = 1;
CREATE INDEX predictions_unknown ON predictions(seq) WHERE submission = 2 AND settled = 0;
CREATE INDEX predictions_by_remote_id ON predictions(upstream, remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX predictions_to_purge ON predictions(completed_at) WHERE status >= 2 AND data_removed = 0;

CREATE TABLE large_inputs(
  seq INTEGER PRIMARY KEY,
  input TEXT NOT NULL
) STRICT;

CREATE TABLE create_marks(
  seq INTEGER PRIMARY KEY,
  scope BLOB NOT NULL,
  request BLOB NOT NULL,
  retry INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  prediction_id TEXT NOT NULL
) STRICT;
CREATE INDEX create_marks_by_scope ON create_marks(scope, seq);
CREATE INDEX create_marks_by_expiry ON create_marks(expires_at);

CREATE TABLE garbage(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  UNIQUE(owner, sha256)
) STRICT;

CREATE TABLE webhook_messages(
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  prediction_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  since INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  settled_at INTEGER,
  target TEXT NOT NULL,
  url TEXT NOT NULL,
  body_size INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_messages_due ON webhook_messages(due_at, seq, target, id) WHERE state = 0;
CREATE INDEX webhook_messages_since ON webhook_messages(since) WHERE state = 0;
CREATE INDEX webhook_messages_undelivered ON webhook_messages(seq) WHERE state <> 1;
CREATE INDEX webhook_messages_settled ON webhook_messages(settled_at) WHERE state <> 0;
CREATE INDEX webhook_messages_by_account ON webhook_messages(account_id, seq);

CREATE TABLE webhook_bodies(
  seq INTEGER PRIMARY KEY,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE webhook_attempts(
  seq INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  at INTEGER NOT NULL,
  took INTEGER NOT NULL,
  status INTEGER NOT NULL,
  error TEXT NOT NULL
) STRICT;
CREATE INDEX webhook_attempts_of ON webhook_attempts(message, seq);

CREATE TABLE webhook_secrets(
  account_id TEXT NOT NULL PRIMARY KEY,
  secret BLOB NOT NULL,
  previous BLOB,
  previous_until INTEGER
) STRICT;

CREATE TABLE files(
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  metadata TEXT NOT NULL
) STRICT;
CREATE INDEX files_by_account ON files(account_id, created_at, id);
CREATE INDEX files_by_expiry ON files(expires_at, id);

CREATE TABLE deployments(
  account_id TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  number INTEGER NOT NULL,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  hardware TEXT NOT NULL,
  min_instances INTEGER NOT NULL,
  max_instances INTEGER NOT NULL,
  released_at INTEGER NOT NULL,
  PRIMARY KEY(account_id, name)
) STRICT;
CREATE INDEX deployments_by_account ON deployments(account_id, created_at, name);
CREATE INDEX deployments_by_version ON deployments(version);

CREATE TABLE models(
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  account_id TEXT NOT NULL,
  visibility TEXT NOT NULL,
  hardware TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  description TEXT,
  github_url TEXT,
  paper_url TEXT,
  license_url TEXT,
  weights_url TEXT,
  cover_image_url TEXT,
  readme TEXT,
  PRIMARY KEY(owner, name)
) STRICT;
CREATE INDEX models_by_account ON models(account_id);
CREATE INDEX models_public ON models(created_at) WHERE visibility = 'public';

CREATE TABLE versions(
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  training_id TEXT NOT NULL,
  base TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  home TEXT
) STRICT;
CREATE INDEX versions_by_model ON versions(owner, name, seq);
)sql";

std::unexpected<Error> unusable(const std::filesystem::path& file, const std::string& why) {
  return fail(ErrorCode::storage, "the database " + file.string() + " cannot be used: " + why);
}

/// The new database is complete and synced before it gets its name: whatever is called hekto.db was whole once, so
/// that an empty or short one can only be damage.
Result<void> create(const DataFolder& folder) {
  const auto file = folder.unfinished_database();
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return unusable(file, std::generic_category().message(errno));
  ::close(fd);
  try {
    Connection connection(file, Access::read_write);
    connection.execute("PRAGMA page_size = 8192; PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE; BEGIN;");
    connection.execute(kSchema);
    connection.execute(("PRAGMA application_id = " + std::to_string(kApplicationId) +
                        "; PRAGMA user_version = " + std::to_string(kSchemaVersion) + "; COMMIT")
                           .c_str());
    connection.execute("PRAGMA journal_mode = WAL");
  } catch (const DatabaseFault& fault) {
    return unusable(file, fault.what());
  }
  std::error_code error;
  std::filesystem::rename(file, folder.database(), error);
  if (error) return unusable(file, error.message());
  return folder.sync();
}

/// Creates the database when there is none; otherwise looks at what the file system says about it.
Result<void> ensure_exists(const DataFolder& folder) {
  std::error_code error;
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    std::filesystem::remove(folder.unfinished_database() += suffix, error);
  }
  const auto file = folder.database();
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    // A log without its database means that the database was lost, not that there never was one.
    if (std::filesystem::exists(folder.database() += "-wal", error)) {
      return unusable(file, "it is missing although " + file.string() + "-wal is there");
    }
    return create(folder);
  }
  if (status.type() != std::filesystem::file_type::regular) return unusable(file, "it is not a readable file");
  if (std::filesystem::file_size(file, error) == 0 && !error) return unusable(file, "it is empty");
  return {};
}

}  // namespace

Result<Connection> open_for_writing(const DataFolder& folder) {
  if (auto exists = ensure_exists(folder); !exists) return std::unexpected(exists.error());
  const auto file = folder.database();
  try {
    Connection connection(file, Access::read_write);
    sqlite3_busy_timeout(connection.handle(), 5000);
    if (connection.integer("PRAGMA application_id") != kApplicationId) {
      return unusable(file, "it is not a Hekto database");
    }
    const auto version = connection.integer("PRAGMA user_version");
    if (version > kSchemaVersion) {
      return unusable(file, "it was written by a newer hekto (schema " + std::to_string(version) + ", this one knows " +
                                std::to_string(kSchemaVersion) + ")");
    }
    if (version < 1) return unusable(file, "it carries no schema version");
    // Checkpoints are the writer's own business: after the answers are out, and with an eye on their failures.
    connection.execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
        "PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;"
        "PRAGMA cache_size = -8000; PRAGMA trusted_schema = OFF");
    // Fails here, not in the first request, when the schema or the log cannot be read.
    connection.integer("SELECT count(*) FROM sqlite_schema");
    connection.integer("SELECT max(seq) FROM predictions");
    return connection;
  } catch (const DatabaseFault& fault) {
    return unusable(file, fault.what());
  }
}

Connection open_for_reading(const DataFolder& folder) {
  Connection connection(folder.database(), Access::read_only);
  sqlite3_busy_timeout(connection.handle(), 5000);
  sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  connection.execute(
      "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000;"
      "PRAGMA trusted_schema = OFF");
  return connection;
}

}  // namespace hekto::store
