// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "domain/model.h"
#include "domain/owned_model.h"
#include "ports/clock.h"
#include "ports/store.h"

namespace hekto::service {

/// Models that clients create, beside those of the catalog. Everybody sees public ones; private ones are seen and all
/// are changed by their owner alone, and somebody else's private model is not_found, like an unknown one. Any thread.
class Models {
 public:
  Models(ports::Store& store, const ports::Clock& clock, const domain::Catalog& catalog)
      : store_(store), clock_(clock), catalog_(catalog) {}

  static constexpr std::size_t kMaxPerAccount = 1000;

  /// conflict when the name is taken, by the catalog too; too_large when the account has kMaxPerAccount.
  async::Task<Result<domain::OwnedModel>> create(domain::OwnedModel model);
  async::Task<Result<domain::OwnedModel>> get(std::string account, std::string owner, std::string name);
  /// The account's own and everybody's public ones, oldest first. An empty account has none of its own.
  async::Task<Result<std::vector<domain::OwnedModel>>> visible(std::string account);
  /// forbidden for what the account sees and does not own, the catalog's models too.
  async::Task<Result<domain::OwnedModel>> update(std::string account, std::string owner, std::string name,
                                                 std::function<void(domain::OwnedModel&)> change);
  /// The same; forbidden for a public one too, which others may have come to rely on; conflict, in words for the
  /// client, for one that has versions or is to get one.
  async::Task<Result<void>> remove(std::string account, std::string owner, std::string name);

  /// Its trained versions, newest first: those that the catalog still has the base of, and those at upstreams.
  async::Task<Result<std::vector<domain::TrainedVersion>>> versions(const domain::OwnedModel& model);
  /// Removes a version of the account's own model, unless something relies on it, which is returned then. forbidden for
  /// versions of the catalog, not_found for others' and unknown ones.
  async::Task<Result<domain::VersionUse>> remove_version(std::string account, std::string owner, std::string name,
                                                         std::string id);

 private:
  /// The model when the account may change it.
  async::Task<Result<domain::OwnedModel>> own(std::string account, std::string owner, std::string name);

  ports::Store& store_;
  const ports::Clock& clock_;
  const domain::Catalog& catalog_;
};

}  // namespace hekto::service
