// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/model.h"
#include "domain/trained_version.h"
#include "ports/store.h"

namespace hekto::service {

/// Finds what can be run: the versions of the catalog, and those that trainings made. The catalog is asked first, which
/// reads no store; a trained version is read each time it is asked for, and so is known after every restart. It takes,
/// gives and is run as the catalog's version that it is like, under its own model's name; when the catalog has that one
/// no more it is not_found, as everything is that `account` may not see: other accounts' private models.
/// Texts that are handed over need to live until the answer. Any thread.
class Versions {
 public:
  Versions(ports::Store& store, const domain::Catalog& catalog) : store_(store), catalog_(catalog) {}

  /// "owner/name:<64 hex>", "owner/name" (its newest version) or "<64 hex>".
  async::Task<Result<domain::Offer>> resolve(std::string_view account, std::string_view text);
  /// The newest version of a model. not_found when it has none.
  async::Task<Result<domain::Offer>> newest(std::string_view account, std::string_view owner, std::string_view name);
  /// Version `id` of a model.
  async::Task<Result<domain::Offer>> find(std::string_view account, std::string_view owner, std::string_view name,
                                          std::string_view id);
  /// For work that has been accepted: whoever asked for it.
  async::Task<Result<domain::Offer>> find_accepted(std::string_view id);

  /// The catalog's version that a trained one is like; nullptr when it is there no more.
  const domain::Version* base_of(const domain::TrainedVersion& version) const {
    return catalog_.find_version(version.base).second;
  }

 private:
  async::Task<Result<domain::Offer>> find(std::string_view account, std::string_view id);

  ports::Store& store_;
  const domain::Catalog& catalog_;
};

}  // namespace hekto::service
