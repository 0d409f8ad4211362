// SPDX-License-Identifier: Apache-2.0
// SqliteStore: uploaded files, deployments, models of accounts and their versions.
#include "store/sqlite/resources.h"
#include "store/sqlite/sqlite_store.h"

namespace hekto::store {

using async::Task;
using domain::Deployment;
using domain::File;
using domain::OwnedModel;

Task<Result<void>> SqliteStore::create_file(File file) {
  return writer_.run<void>(
      Changes::one, [file = std::move(file)](Connection& connection) { return store::create_file(connection, file); });
}

Task<Result<File>> SqliteStore::find_file(std::string id) {
  return readers_.run<File>([id = std::move(id)](Connection& connection) { return store::find_file(connection, id); });
}

Task<Result<ports::Page<File>>> SqliteStore::list_files(ports::PageQuery query, Time now) {
  return readers_.run<ports::Page<File>>(
      [query = std::move(query), now](Connection& connection) { return store::list_files(connection, query, now); });
}

Task<Result<void>> SqliteStore::remove_file(std::string account, std::string id) {
  return writer_.run<void>(Changes::several,
                           [account = std::move(account), id = std::move(id)](Connection& connection) {
                             return store::remove_file(connection, account, id);
                           });
}

Task<Result<std::size_t>> SqliteStore::expire_files(Time now, std::size_t limit) {
  return writer_.run<std::size_t>(
      Changes::several, [now, limit](Connection& connection) { return store::expire_files(connection, now, limit); });
}

Task<Result<void>> SqliteStore::create_deployment(Deployment deployment) {
  return writer_.run<void>(Changes::one, [deployment = std::move(deployment)](Connection& connection) {
    return store::create_deployment(connection, deployment);
  });
}

Task<Result<Deployment>> SqliteStore::find_deployment(std::string account, std::string name) {
  return readers_.run<Deployment>([account = std::move(account), name = std::move(name)](Connection& connection) {
    return store::find_deployment(connection, account, name);
  });
}

Task<Result<ports::Page<Deployment>>> SqliteStore::list_deployments(ports::PageQuery query) {
  return readers_.run<ports::Page<Deployment>>(
      [query = std::move(query)](Connection& connection) { return store::list_deployments(connection, query); });
}

Task<Result<Deployment>> SqliteStore::release(std::string account, std::string name, domain::Release next) {
  return writer_.run<Deployment>(
      Changes::one, [account = std::move(account), name = std::move(name), next = std::move(next)](
                        Connection& connection) { return store::release(connection, account, name, next); });
}

Task<Result<void>> SqliteStore::delete_deployment(std::string account, std::string name) {
  return writer_.run<void>(Changes::one,
                           [account = std::move(account), name = std::move(name)](Connection& connection) {
                             return store::delete_deployment(connection, account, name);
                           });
}

Task<Result<void>> SqliteStore::create_model(OwnedModel model) {
  has_models_ = true;  // before anybody can have been told of it
  return writer_.run<void>(Changes::one, [model = std::move(model)](Connection& connection) {
    return store::create_model(connection, model);
  });
}

// Asked for each create that runs at an upstream, where most accounts have no models of their own: a turn on another
// thread for nothing.
Task<Result<OwnedModel>> SqliteStore::find_model(std::string owner, std::string name) {
  if (!has_models_) co_return unknown_model(owner, name);
  co_return co_await readers_.run<OwnedModel>([owner = std::move(owner), name = std::move(name)](Connection& connection) {
    return store::find_model(connection, owner, name);
  });
}

Task<Result<std::vector<OwnedModel>>> SqliteStore::list_models(std::string account) {
  return readers_.run<std::vector<OwnedModel>>(
      [account = std::move(account)](Connection& connection) { return store::list_models(connection, account); });
}

Task<Result<void>> SqliteStore::update_model(OwnedModel model) {
  return writer_.run<void>(Changes::one, [model = std::move(model)](Connection& connection) {
    return store::update_model(connection, model);
  });
}

Task<Result<void>> SqliteStore::delete_model(std::string owner, std::string name) {
  return writer_.run<void>(Changes::one, [owner = std::move(owner), name = std::move(name)](Connection& connection) {
    return store::delete_model(connection, owner, name);
  });
}

Task<Result<ports::ModelVersion>> SqliteStore::find_version(std::string id) {
  return readers_.run<ports::ModelVersion>(
      [id = std::move(id)](Connection& connection) { return store::find_version(connection, id); });
}

Task<Result<std::vector<domain::TrainedVersion>>> SqliteStore::list_versions(std::string owner, std::string name) {
  return readers_.run<std::vector<domain::TrainedVersion>>(
      [owner = std::move(owner), name = std::move(name)](Connection& connection) {
        return store::list_versions(connection, owner, name);
      });
}

Task<Result<domain::VersionUse>> SqliteStore::delete_version(std::string account, std::string owner, std::string name,
                                                             std::string id) {
  return writer_.run<domain::VersionUse>(
      Changes::one,
      [account = std::move(account), owner = std::move(owner), name = std::move(name), id = std::move(id)](
          Connection& connection) { return store::delete_version(connection, account, owner, name, id); });
}

}  // namespace hekto::store
