// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "ports/store.h"
#include "store/sqlite/database.h"

namespace hekto::store {

// The transactions of ports::Store that concern uploaded files, deployments, the models of accounts and their versions,
// as plain functions on a connection. Those that change something run on the writer's connection inside its transaction
// and make at most one change each, but for remove_file and expire_files.

Result<void> create_file(Connection& connection, const domain::File& file);
Result<domain::File> find_file(Connection& connection, std::string_view id);
Result<ports::Page<domain::File>> list_files(Connection& connection, const ports::PageQuery& query, Time now);
Result<void> remove_file(Connection& connection, std::string_view account, std::string_view id);
Result<std::size_t> expire_files(Connection& connection, Time now, std::size_t limit);
/// Whether an uploaded file `id` with these bytes is known.
bool has_file(Connection& connection, std::string_view id, std::string_view sha256);

Result<void> create_deployment(Connection& connection, const domain::Deployment& deployment);
Result<domain::Deployment> find_deployment(Connection& connection, std::string_view account, std::string_view name);
Result<ports::Page<domain::Deployment>> list_deployments(Connection& connection, const ports::PageQuery& query);
Result<domain::Deployment> release(Connection& connection, std::string_view account, std::string_view name,
                                   const domain::Release& next);
Result<void> delete_deployment(Connection& connection, std::string_view account, std::string_view name);

Result<void> create_model(Connection& connection, const domain::OwnedModel& model);
/// Whether there is any.
bool has_models(Connection& connection);
std::unexpected<Error> unknown_model(std::string_view owner, std::string_view name);
Result<domain::OwnedModel> find_model(Connection& connection, std::string_view owner, std::string_view name);
Result<std::vector<domain::OwnedModel>> list_models(Connection& connection, std::string_view account);
Result<void> update_model(Connection& connection, const domain::OwnedModel& model);
Result<void> delete_model(Connection& connection, std::string_view owner, std::string_view name);
/// Whether `model`, "owner/name", is one of the account's.
bool is_model_of(Connection& connection, std::string_view account, std::string_view model);

Result<ports::ModelVersion> find_version(Connection& connection, std::string_view id);
Result<std::vector<domain::TrainedVersion>> list_versions(Connection& connection, std::string_view owner,
                                                          std::string_view name);
Result<domain::VersionUse> delete_version(Connection& connection, std::string_view account, std::string_view owner,
                                          std::string_view name, std::string_view id);
/// Adds the version that a training made; nothing happens when it is there already.
void insert_version(Connection& connection, const domain::TrainedVersion& version);

}  // namespace hekto::store
