// SPDX-License-Identifier: Apache-2.0
// SqliteStore: what is known of handing predictions to upstreams.
#include "store/sqlite/predictions.h"
#include "store/sqlite/sqlite_store.h"

namespace hekto::store {

using async::Task;
using domain::Prediction;

Task<Result<void>> SqliteStore::discard(ports::Lease lease, std::string mark_scope) {
  return writer_.run<void>(Changes::several,
                           [lease = std::move(lease), scope = std::move(mark_scope)](Connection& connection) {
                             return store::discard(connection, lease, scope);
                           });
}

Task<Result<Prediction>> SqliteStore::note_submission(std::string id, domain::Event event, Time now) {
  return writer_.run<Prediction>(Changes::one,
                                 [id = std::move(id), event = std::move(event), now](Connection& connection) {
                                   return store::note_submission(connection, id, event, now);
                                 });
}

Task<Result<std::vector<std::string>>> SqliteStore::owed_cancels(std::size_t limit) {
  return readers_.run<std::vector<std::string>>(
      [limit](Connection& connection) { return store::owed_cancels(connection, limit); });
}

Task<Result<std::vector<Prediction>>> SqliteStore::unknown_submissions(std::size_t limit) {
  return readers_.run<std::vector<Prediction>>(
      [limit](Connection& connection) { return store::unknown_submissions(connection, limit); });
}

Task<Result<std::string>> SqliteStore::find_by_remote_id(std::string upstream, std::string remote_id) {
  return readers_.run<std::string>(
      [upstream = std::move(upstream), remote_id = std::move(remote_id)](Connection& connection) {
        return store::find_by_remote_id(connection, upstream, remote_id);
      });
}

}  // namespace hekto::store
