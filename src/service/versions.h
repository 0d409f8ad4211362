// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/model.h"
#include "domain/trained_version.h"
#include "ports/remote_catalog.h"
#include "ports/store.h"

namespace hekto::service {

/// Who asks what can be run.
struct Viewer {
  std::string_view account;
  bool test = false;  ///< with a test key, which never leaves this server
};

/// Finds what can be run: the versions of the catalog, and those that trainings made. The catalog is asked first, which
/// reads no store; a trained version is read each time it is asked for, and so is known after every restart. It takes,
/// gives and is run as the catalog's version that it is like, under its own model's name; when the catalog has that one
/// no more it is not_found, as everything is that `account` may not see: other accounts' private models.
/// Live keys run at upstreams what those serve, and are offered it as relayed, even when it is not known here: whether
/// there is such a thing is for the upstream to say, which `certain` asks it. Models of accounts come before, and their
/// versions that upstreams made are run where they lie.
/// Texts that are handed over need to live until the answer. Any thread.
class Versions {
 public:
  /// `remote` is nullptr when nothing runs at upstreams.
  Versions(ports::Store& store, const domain::Catalog& catalog, ports::RemoteCatalog* remote = nullptr)
      : store_(store), catalog_(catalog), remote_(remote) {}

  /// "owner/name:<64 hex>", "owner/name" (its newest version) or "<64 hex>".
  async::Task<Result<domain::Offer>> resolve(const Viewer& viewer, std::string_view text, bool certain = false);
  /// The newest version of a model. not_found when it has none.
  async::Task<Result<domain::Offer>> newest(const Viewer& viewer, std::string_view owner, std::string_view name,
                                            bool certain = false);
  /// Version `id` of a model.
  async::Task<Result<domain::Offer>> find(const Viewer& viewer, std::string_view owner, std::string_view name,
                                          std::string_view id, bool certain = false);
  /// For work that has been accepted: whoever asked for it.
  async::Task<Result<domain::Offer>> find_accepted(std::string_view id);

  /// What a trained version of "owner/name" takes and gives, for it to be shown; nullptr when the catalog has that no
  /// more. Of one that lies at an upstream: what is known of it, or without a schema when nothing is.
  std::shared_ptr<const domain::Version> like(const Viewer& viewer, const domain::TrainedVersion& version);
  /// The same, asking the upstream when it is not known.
  async::Task<std::shared_ptr<const domain::Version>> like_certainly(const Viewer& viewer,
                                                                     domain::TrainedVersion version);

 private:
  async::Task<Result<domain::Offer>> find(const Viewer& viewer, std::string_view id, bool certain);
  async::Task<Result<domain::Offer>> offer_of(const Viewer& viewer, domain::TrainedVersion trained,
                                              domain::OwnedModel owned, bool certain);
  bool runs_remotely(const Viewer& viewer, std::string_view owner, std::string_view name) const;
  async::Task<Result<domain::Offer>> remote(std::string_view owner, std::string_view name, std::string_view version,
                                            bool certain);

  ports::Store& store_;
  const domain::Catalog& catalog_;
  ports::RemoteCatalog* const remote_;
};

}  // namespace hekto::service
