// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/sqlite_store.h"

#include <algorithm>

#include "store/sqlite/accounts.h"
#include "store/sqlite/prediction_row.h"
#include "store/sqlite/predictions.h"
#include "store/sqlite/resources.h"
#include "store/sqlite/schema.h"

namespace hekto::store {

using async::Task;
using domain::Account;
using domain::Key;
using domain::Prediction;

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& path, SqliteOptions options) {
  auto folder = DataFolder::acquire(path);
  if (!folder) return std::unexpected(folder.error());
  auto writing = open_for_writing(*folder);
  if (!writing) return std::unexpected(writing.error());
  std::vector<Connection> reading;
  bool models = false;
  try {
    models = has_models(*writing);
    for (std::size_t i = 0; i < std::max<std::size_t>(options.readers, 1); ++i) {
      reading.push_back(open_for_reading(*folder));
    }
  } catch (const DatabaseFault& fault) {
    return fail(ErrorCode::storage, "the database " + folder->database().string() + " cannot be read: " + fault.what());
  }
  return std::unique_ptr<SqliteStore>(
      new SqliteStore(std::move(*folder), std::move(*writing), std::move(reading), models, options));
}

SqliteStore::SqliteStore(DataFolder folder, Connection writing, std::vector<Connection> reading, bool models,
                         const SqliteOptions& options)
    : folder_(std::move(folder)),
      room_([path = folder_.database().parent_path()] { return free_bytes(path); }, options.reserve),
      has_models_(models),
      writer_(std::move(writing), options.queue_limit, std::max<std::size_t>(options.group_limit, 1)),
      readers_(std::move(reading), options.queue_limit) {}

SqliteStore::~SqliteStore() = default;

Task<Result<void>> SqliteStore::create_account(Account account) {
  return writer_.run<void>(Changes::one, [account = std::move(account)](Connection& connection) {
    return store::create_account(connection, account);
  });
}

Task<Result<std::vector<Account>>> SqliteStore::list_accounts() {
  return readers_.run<std::vector<Account>>([](Connection& connection) { return store::list_accounts(connection); });
}

Task<Result<void>> SqliteStore::create_key(Key key) {
  return writer_.run<void>(
      Changes::one, [key = std::move(key)](Connection& connection) { return store::create_key(connection, key); });
}

Task<Result<std::vector<Key>>> SqliteStore::list_keys() {
  return readers_.run<std::vector<Key>>([](Connection& connection) { return store::list_keys(connection); });
}

Task<Result<Key>> SqliteStore::revoke_key(std::string key_id, Time now) {
  return writer_.run<Key>(Changes::one, [key_id = std::move(key_id), now](Connection& connection) {
    return store::revoke_key(connection, key_id, now);
  });
}

Task<Result<std::string>> SqliteStore::setting(std::string name, std::string value) {
  return writer_.run<std::string>(Changes::one,
                                  [name = std::move(name), value = std::move(value)](Connection& connection) {
                                    return store::setting(connection, name, value);
                                  });
}

Task<Result<void>> SqliteStore::create_prediction(Prediction prediction) {
  const auto changes = has_large_input(prediction) ? Changes::several : Changes::one;
  return writer_.run<void>(changes, [prediction = std::move(prediction)](Connection& connection) {
    return store::create_prediction(connection, prediction);
  });
}

Task<Result<ports::Creation>> SqliteStore::create_prediction_once(Prediction prediction, domain::CreateMark mark) {
  return writer_.run<ports::Creation>(
      Changes::several, [prediction = std::move(prediction), mark = std::move(mark)](Connection& connection) mutable {
        return store::create_prediction_once(connection, std::move(prediction), mark);
      });
}

Task<Result<std::size_t>> SqliteStore::forget_marks(Time now, std::size_t limit) {
  return writer_.run<std::size_t>(
      Changes::one, [now, limit](Connection& connection) { return store::forget_marks(connection, now, limit); });
}

Task<Result<Prediction>> SqliteStore::find_prediction(std::string id) {
  return readers_.run<Prediction>(
      [id = std::move(id)](Connection& connection) { return store::find_prediction(connection, id); });
}

Task<Result<ports::PredictionPage>> SqliteStore::list_predictions(ports::PredictionQuery query) {
  return readers_.run<ports::PredictionPage>(
      [query = std::move(query)](Connection& connection) { return store::list_predictions(connection, query); });
}

Task<Result<Prediction>> SqliteStore::claim(std::string id, Time now) {
  return writer_.run<Prediction>(
      Changes::one, [id = std::move(id), now](Connection& connection) { return store::claim(connection, id, now); });
}

Task<Result<Prediction>> SqliteStore::record(ports::Lease lease, std::vector<domain::Event> events, Time now) {
  return writer_.run<Prediction>(
      Changes::one, [this, lease = std::move(lease), events = std::move(events), now](Connection& connection) {
        return store::record(connection, lease, events, now, outbox_);
      });
}

Task<Result<Prediction>> SqliteStore::end(std::string id, domain::Event event, Time now) {
  return writer_.run<Prediction>(Changes::one,
                                 [this, id = std::move(id), event = std::move(event), now](Connection& connection) {
                                   return store::end(connection, id, event, now, outbox_);
                                 });
}

Task<Result<std::vector<ports::Unfinished>>> SqliteStore::unfinished(std::string after_id, std::size_t limit) {
  return readers_.run<std::vector<ports::Unfinished>>([after_id = std::move(after_id), limit](Connection& connection) {
    return store::unfinished(connection, after_id, limit);
  });
}

Task<Result<std::vector<std::string>>> SqliteStore::purge(Time completed_before, std::size_t limit, Time now) {
  return writer_.run<std::vector<std::string>>(Changes::several,
                                               [completed_before, limit, now](Connection& connection) {
                                                 return store::purge(connection, completed_before, limit, now);
                                               });
}

Task<Result<std::vector<ports::Garbage>>> SqliteStore::garbage(std::size_t limit) {
  return readers_.run<std::vector<ports::Garbage>>(
      [limit](Connection& connection) { return store::garbage(connection, limit); });
}

Task<Result<void>> SqliteStore::forget_garbage(std::vector<std::int64_t> ids) {
  return writer_.run<void>(Changes::several, [ids = std::move(ids)](Connection& connection) {
    return store::forget_garbage(connection, ids);
  });
}

Task<Result<std::vector<ports::Garbage>>> SqliteStore::orphans(std::vector<ports::Garbage> candidates) {
  return readers_.run<std::vector<ports::Garbage>>(
      [candidates = std::move(candidates)](Connection& connection) mutable {
        return store::orphans(connection, std::move(candidates));
      });
}

}  // namespace hekto::store
