// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "store/sqlite/page.h"
#include "store/sqlite/resources.h"

namespace hekto::store {
namespace {

using domain::Deployment;
using domain::Release;

#define HEKTO_DEPLOYMENT_COLUMNS \
  "account_id, name, created_at, number, model, version, hardware, min_instances, max_instances, released_at"
constexpr char kInsert[] =
    "INSERT INTO deployments(" HEKTO_DEPLOYMENT_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
constexpr char kFind[] = "SELECT " HEKTO_DEPLOYMENT_COLUMNS " FROM deployments WHERE account_id = ?1 AND name = ?2";

#define HEKTO_LIST_DEPLOYMENTS                                                                                   \
  "SELECT " HEKTO_DEPLOYMENT_COLUMNS                                                                             \
  " FROM deployments INDEXED BY deployments_by_account WHERE account_id = ?1 AND (created_at, name) > (?2, ?3) " \
  "AND (created_at, name) < (?4, ?5) "
constexpr char kListOlder[] = HEKTO_LIST_DEPLOYMENTS "ORDER BY created_at DESC, name DESC LIMIT ?6";
constexpr char kListNewer[] = HEKTO_LIST_DEPLOYMENTS "ORDER BY created_at, name LIMIT ?6";

constexpr char kRelease[] =
    "UPDATE deployments SET number = ?3, model = ?4, version = ?5, hardware = ?6, min_instances = ?7, "
    "max_instances = ?8, released_at = ?9 WHERE account_id = ?1 AND name = ?2";
constexpr char kDelete[] = "DELETE FROM deployments WHERE account_id = ?1 AND name = ?2 RETURNING 1";

Deployment take_deployment(Query& query) {
  Deployment deployment;
  deployment.account = query.take_text();
  deployment.name = query.take_text();
  deployment.created_at = query.take_time();
  Release& release = deployment.release;
  release.number = query.take_int();
  release.model = query.take_text();
  release.version = query.take_text();
  release.hardware = query.take_text();
  release.min_instances = static_cast<int>(query.take_int());
  release.max_instances = static_cast<int>(query.take_int());
  release.created_at = query.take_time();
  return deployment;
}

std::unexpected<Error> unknown(std::string_view name) {
  return fail(ErrorCode::not_found, "there is no deployment " + std::string(name));
}

}  // namespace

Result<void> create_deployment(Connection& connection, const Deployment& deployment) {
  const Release& r = deployment.release;
  Query insert(connection, kInsert);
  insert.bind(deployment.account, deployment.name, deployment.created_at, r.number, r.model, r.version, r.hardware,
              std::int64_t{r.min_instances}, std::int64_t{r.max_instances}, r.created_at);
  if (!insert.run_unless_duplicate()) {
    return fail(ErrorCode::conflict, "there is a deployment " + deployment.name + " already");
  }
  return {};
}

Result<Deployment> find_deployment(Connection& connection, std::string_view account, std::string_view name) {
  Query query(connection, kFind);
  if (!query.bind(account, name).step()) return unknown(name);
  return take_deployment(query);
}

Result<ports::Page<Deployment>> list_deployments(Connection& connection, const ports::PageQuery& q) {
  const PageBounds bounds(q);
  Query query(connection, bounds.towards_newer ? kListNewer : kListOlder);
  query.bind(q.account, bounds.after_time, bounds.after_id, bounds.before_time, bounds.before_id,
             limit_number(q.limit) + 1);
  return take_page<Deployment>(query, q.limit, bounds.towards_newer, take_deployment);
}

Result<Deployment> release(Connection& connection, std::string_view account, std::string_view name,
                           const Release& next) {
  auto deployment = find_deployment(connection, account, name);
  if (!deployment) return deployment;
  if (next.number != deployment->release.number + 1) {
    return fail(ErrorCode::conflict, "deployment " + std::string(name) + " has another release meanwhile");
  }
  Query(connection, kRelease)
      .bind(account, name, next.number, next.model, next.version, next.hardware, std::int64_t{next.min_instances},
            std::int64_t{next.max_instances}, next.created_at)
      .run();
  deployment->release = next;
  return deployment;
}

Result<void> delete_deployment(Connection& connection, std::string_view account, std::string_view name) {
  Query remove(connection, kDelete);
  if (!remove.bind(account, name).step()) return unknown(name);
  remove.run();
  return {};
}

}  // namespace hekto::store
