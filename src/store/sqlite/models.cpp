// SPDX-License-Identifier: Apache-2.0
// Models that clients created.
#include <string>

#include "store/sqlite/resources.h"

namespace hekto::store {
namespace {

using domain::OwnedModel;

constexpr char kInsert[] =
    "INSERT INTO models(owner, name, account_id, visibility, hardware, created_at, description, github_url, paper_url, "
    "license_url, weights_url, cover_image_url, readme) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
#define HEKTO_SELECT_MODEL                                                                                      \
  "SELECT m.owner, m.name, m.account_id, m.visibility, m.hardware, m.created_at, m.description, m.github_url, " \
  "m.paper_url, m.license_url, m.weights_url, m.cover_image_url, m.readme, v.id, v.training_id, v.base, "       \
  "v.created_at, v.home FROM models m LEFT JOIN versions v "                                                    \
  "ON v.seq = (SELECT max(w.seq) FROM versions w WHERE w.owner = m.owner AND w.name = m.name) "
constexpr char kFind[] = HEKTO_SELECT_MODEL "WHERE m.owner = ?1 AND m.name = ?2";
constexpr char kAny[] = "SELECT 1 FROM models LIMIT 1";
constexpr char kList[] =
    HEKTO_SELECT_MODEL "WHERE m.account_id = ?1 OR m.visibility = 'public' ORDER BY m.created_at, m.owner, m.name";
constexpr char kUpdate[] =
    "UPDATE models SET visibility = ?3, hardware = ?4, description = ?5, github_url = ?6, paper_url = ?7, "
    "license_url = ?8, weights_url = ?9, cover_image_url = ?10, readme = ?11 WHERE owner = ?1 AND name = ?2 "
    "RETURNING 1";
constexpr char kIsAwaited[] =
    "SELECT 1 FROM predictions INDEXED BY trainings_by_destination "
    "WHERE destination = ?1 AND destination IS NOT NULL AND status < 2 LIMIT 1";
constexpr char kOwns[] = "SELECT 1 FROM models WHERE account_id = ?1 AND owner = ?2 AND name = ?3";
constexpr char kDelete[] = "DELETE FROM models WHERE owner = ?1 AND name = ?2";

OwnedModel take_model(Query& query) {
  OwnedModel model;
  model.owner = query.take_text();
  model.name = query.take_text();
  model.account = query.take_text();
  model.visibility = query.take_text();
  model.hardware = query.take_text();
  model.created_at = query.take_time();
  model.description = query.take_optional_text();
  model.github_url = query.take_optional_text();
  model.paper_url = query.take_optional_text();
  model.license_url = query.take_optional_text();
  model.weights_url = query.take_optional_text();
  model.cover_image_url = query.take_optional_text();
  model.readme = query.take_optional_text();
  if (auto version = query.take_optional_text()) {
    auto& latest = model.latest_version.emplace();
    latest.id = std::move(*version);
    latest.owner = model.owner;
    latest.name = model.name;
    latest.training = query.take_text();
    latest.base = query.take_text();
    latest.created_at = query.take_time();
    if (const auto home = query.take_optional_text()) latest.home = domain::parse_remote_home(*home);
  }
  return model;
}

}  // namespace

std::unexpected<Error> unknown_model(std::string_view owner, std::string_view name) {
  return fail(ErrorCode::not_found, "there is no model " + std::string(owner) + "/" + std::string(name));
}

bool has_models(Connection& connection) {
  Query any(connection, kAny);
  return any.step();
}

Result<void> create_model(Connection& connection, const OwnedModel& m) {
  Query insert(connection, kInsert);
  insert.bind(m.owner, m.name, m.account, m.visibility, m.hardware, m.created_at, m.description, m.github_url,
              m.paper_url, m.license_url, m.weights_url, m.cover_image_url, m.readme);
  if (!insert.run_unless_duplicate()) {
    return fail(ErrorCode::conflict, "there is a model " + m.owner + "/" + m.name + " already");
  }
  return {};
}

Result<OwnedModel> find_model(Connection& connection, std::string_view owner, std::string_view name) {
  Query query(connection, kFind);
  if (!query.bind(owner, name).step()) return unknown_model(owner, name);
  return take_model(query);
}

Result<std::vector<OwnedModel>> list_models(Connection& connection, std::string_view account) {
  Query query(connection, kList);
  query.bind(account);
  std::vector<OwnedModel> models;
  while (query.step()) models.push_back(take_model(query));
  return models;
}

Result<void> update_model(Connection& connection, const OwnedModel& m) {
  Query update(connection, kUpdate);
  update.bind(m.owner, m.name, m.visibility, m.hardware, m.description, m.github_url, m.paper_url, m.license_url,
              m.weights_url, m.cover_image_url, m.readme);
  if (!update.step()) return unknown_model(m.owner, m.name);
  update.run();
  return {};
}

Result<void> delete_model(Connection& connection, std::string_view owner, std::string_view name) {
  const auto model = find_model(connection, owner, name);
  if (!model) return std::unexpected(model.error());
  const std::string full_name = model->owner + "/" + model->name;
  Query awaited(connection, kIsAwaited);
  if (model->latest_version || awaited.bind(full_name).step()) {
    return fail(ErrorCode::conflict, "model " + full_name + " has versions, or a training that is to give it one");
  }
  Query remove(connection, kDelete);
  remove.bind(owner, name).run();
  return {};
}

bool is_model_of(Connection& connection, std::string_view account, std::string_view model) {
  const auto slash = model.find('/');
  if (slash == std::string_view::npos) return false;
  Query query(connection, kOwns);
  return query.bind(account, model.substr(0, slash), model.substr(slash + 1)).step();
}

}  // namespace hekto::store
