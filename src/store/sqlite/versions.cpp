// SPDX-License-Identifier: Apache-2.0
// Versions that trainings made.
#include <string>

#include "store/sqlite/resources.h"

namespace hekto::store {
namespace {

using domain::TrainedVersion;
using domain::VersionUse;

#define HEKTO_SELECT_VERSION "SELECT id, owner, name, training_id, base, created_at, home FROM versions "
constexpr char kInsert[] =
    "INSERT INTO versions(id, owner, name, training_id, base, created_at, home) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) "
    "ON CONFLICT DO NOTHING";
constexpr char kFind[] = HEKTO_SELECT_VERSION "WHERE id = ?1";
constexpr char kList[] = HEKTO_SELECT_VERSION "WHERE owner = ?1 AND name = ?2 ORDER BY seq DESC";
constexpr char kDelete[] = "DELETE FROM versions WHERE id = ?1";
constexpr char kIsDeployed[] = "SELECT 1 FROM deployments WHERE version = ?1 LIMIT 1";
constexpr char kIsTrainedOn[] =
    "SELECT 1 FROM predictions INDEXED BY trainings_by_version WHERE version = ?1 AND destination IS NOT NULL LIMIT 1";

TrainedVersion take_version(Query& query) {
  TrainedVersion version;
  version.id = query.take_text();
  version.owner = query.take_text();
  version.name = query.take_text();
  version.training = query.take_text();
  version.base = query.take_text();
  version.created_at = query.take_time();
  if (const auto home = query.take_optional_text()) version.home = domain::parse_remote_home(*home);
  return version;
}

bool has_row(Connection& connection, const char* sql, std::string_view id) {
  Query query(connection, sql);
  return query.bind(id).step();
}

std::unexpected<Error> unknown(std::string_view id) {
  return fail(ErrorCode::not_found, "there is no version " + std::string(id));
}

}  // namespace

void insert_version(Connection& connection, const TrainedVersion& v) {
  const auto home = v.home ? std::optional(domain::to_text(*v.home)) : std::nullopt;
  Query(connection, kInsert).bind(v.id, v.owner, v.name, v.training, v.base, v.created_at, home).run();
}

Result<ports::ModelVersion> find_version(Connection& connection, std::string_view id) {
  Query query(connection, kFind);
  if (!query.bind(id).step()) return unknown(id);
  auto version = take_version(query);
  // A reader has no transaction around the two: the version may be gone by now, and its model with it.
  auto model = find_model(connection, version.owner, version.name);
  if (!model) return unknown(id);
  return ports::ModelVersion{std::move(version), std::move(*model)};
}

Result<std::vector<TrainedVersion>> list_versions(Connection& connection, std::string_view owner,
                                                  std::string_view name) {
  Query query(connection, kList);
  query.bind(owner, name);
  std::vector<TrainedVersion> versions;
  while (query.step()) versions.push_back(take_version(query));
  return versions;
}

Result<VersionUse> delete_version(Connection& connection, std::string_view account, std::string_view owner,
                                  std::string_view name, std::string_view id) {
  const auto found = find_version(connection, id);
  if (!found || found->model.account != account || found->model.owner != owner || found->model.name != name) {
    return unknown(id);
  }
  if (found->model.visibility == "public") return VersionUse::public_model;
  if (has_row(connection, kIsDeployed, id)) return VersionUse::deployed;
  if (has_row(connection, kIsTrainedOn, id)) return VersionUse::trained_on;
  Query(connection, kDelete).bind(id).run();
  return VersionUse::none;
}

}  // namespace hekto::store
