// SPDX-License-Identifier: Apache-2.0
#include "service/versions.h"

#include <algorithm>

namespace hekto::service {
namespace {

std::unexpected<Error> unknown() { return fail(ErrorCode::not_found, "The requested resource could not be found."); }

bool may_see(std::string_view account, const domain::OwnedModel& model) {
  return model.account == account || model.visibility == "public";
}

/// The trained version as a model with this one version; not_found when the catalog lacks what it is like.
Result<domain::Offer> offer_by_catalog(const domain::Catalog& catalog, const domain::TrainedVersion& trained,
                                       const domain::OwnedModel& owned) {
  const auto [like, base] = catalog.find_version(trained.base);
  if (base == nullptr) return unknown();
  auto model = std::make_shared<domain::Model>();
  model->owner = owned.owner;
  model->name = owned.name;
  model->description = owned.description.value_or("");
  model->visibility = owned.visibility;
  model->created_at = owned.created_at;
  model->sandbox = like->sandbox;
  auto& version = model->versions.emplace_back(*base);
  version.id = trained.id;
  version.created_at = trained.created_at;
  return domain::Offer{model, &version, base->id};
}

}  // namespace

bool Versions::runs_remotely(const Viewer& viewer, std::string_view owner, std::string_view name) const {
  if (remote_ == nullptr || viewer.test) return false;
  return remote_->serves({domain::RelayTarget::Kind::model, std::string(owner) + "/" + std::string(name)});
}

async::Task<Result<domain::Offer>> Versions::remote(std::string_view owner, std::string_view name,
                                                    std::string_view version, bool certain) {
  if (!certain) co_return remote_->known(owner, name, version);
  co_return co_await remote_->find(std::string(owner), std::string(name), std::string(version));
}

async::Task<Result<domain::Offer>> Versions::offer_of(const Viewer& viewer, domain::TrainedVersion trained,
                                                      domain::OwnedModel owned, bool certain) {
  if (!trained.home || remote_ == nullptr || viewer.test) co_return offer_by_catalog(catalog_, trained, owned);
  if (!certain) co_return remote_->known_at(*trained.home, owned.owner, owned.name, trained.id);
  co_return co_await remote_->find_at(*trained.home, owned.owner, owned.name, trained.id);
}

std::shared_ptr<const domain::Version> Versions::like(const Viewer& viewer, const domain::TrainedVersion& version) {
  if (version.home && remote_ != nullptr && !viewer.test) {
    auto offer = remote_->known_at(*version.home, version.owner, version.name, version.id);
    return {offer.model, offer.version};
  }
  // The catalog outlives everybody who looks at it.
  return {std::shared_ptr<const domain::Version>(), catalog_.find_version(version.base).second};
}

async::Task<std::shared_ptr<const domain::Version>> Versions::like_certainly(const Viewer& viewer,
                                                                             domain::TrainedVersion version) {
  if (version.home && remote_ != nullptr && !viewer.test) {
    const auto found = co_await remote_->find_at(*version.home, version.owner, version.name, version.id);
    if (found) co_return std::shared_ptr<const domain::Version>(found->model, found->version);
  }
  co_return like(viewer, version);
}

async::Task<Result<domain::Offer>> Versions::resolve(const Viewer& viewer, std::string_view text, bool certain) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) co_return co_await find(viewer, text, certain);
  const auto colon = text.find(':', slash);
  const auto owner = text.substr(0, slash);
  const auto name = text.substr(slash + 1, colon == std::string_view::npos ? colon : colon - slash - 1);
  if (colon == std::string_view::npos) co_return co_await newest(viewer, owner, name, certain);
  co_return co_await find(viewer, owner, name, text.substr(colon + 1), certain);
}

async::Task<Result<domain::Offer>> Versions::newest(const Viewer& viewer, std::string_view owner, std::string_view name,
                                                    bool certain) {
  const bool remotely = runs_remotely(viewer, owner, name);
  if (const auto* model = catalog_.find(owner, name); model != nullptr && !remotely) {
    co_return domain::Catalog::offer(model, nullptr);
  }
  const auto model = co_await store_.find_model(std::string(owner), std::string(name));
  if (!model && model.error().code != ErrorCode::not_found) co_return std::unexpected(model.error());
  const bool visible = model && may_see(viewer.account, *model);
  if (!visible && remotely) co_return co_await remote(owner, name, {}, certain);
  if (!visible || !model->latest_version) co_return unknown();
  co_return co_await offer_of(viewer, *model->latest_version, *model, certain);
}

async::Task<Result<domain::Offer>> Versions::find(const Viewer& viewer, std::string_view owner, std::string_view name,
                                                  std::string_view id, bool certain) {
  const bool remotely = runs_remotely(viewer, owner, name);
  if (const auto* model = catalog_.find(owner, name); model != nullptr && !remotely) {
    const auto version = std::ranges::find(model->versions, id, &domain::Version::id);
    if (version == model->versions.end()) co_return unknown();
    co_return domain::Catalog::offer(model, &*version);
  }
  if (remotely) {
    const auto model = co_await store_.find_model(std::string(owner), std::string(name));
    if (!model && model.error().code != ErrorCode::not_found) co_return std::unexpected(model.error());
    if (!model || !may_see(viewer.account, *model)) {
      const auto trained = co_await store_.find_version(std::string(id));
      if (!trained && trained.error().code != ErrorCode::not_found) co_return std::unexpected(trained.error());
      if (trained) co_return unknown();
      // Versions go by their id alone: where not every model is served, one must be of the model that it is said to be.
      const bool open = remote_->serves({domain::RelayTarget::Kind::version, std::string(id)});
      co_return co_await remote(owner, name, id, certain || !open);
    }
  }
  auto found = co_await find(viewer, id, certain);
  if (found && (found->model->owner != owner || found->model->name != name)) co_return unknown();
  co_return found;
}

async::Task<Result<domain::Offer>> Versions::find(const Viewer& viewer, std::string_view id, bool certain) {
  const bool remotely =
      remote_ != nullptr && !viewer.test && remote_->serves({domain::RelayTarget::Kind::version, std::string(id)});
  if (const auto [model, version] = catalog_.find_version(id); version != nullptr && !remotely) {
    co_return domain::Catalog::offer(model, version);
  }
  if (!domain::is_version_id(id) && !remotely) co_return unknown();
  const auto found = co_await store_.find_version(std::string(id));
  if (!found && found.error().code != ErrorCode::not_found) co_return std::unexpected(found.error());
  if (!found && remotely) co_return remote_->known({}, {}, id);
  if (!found || !may_see(viewer.account, found->model)) co_return unknown();
  co_return co_await offer_of(viewer, found->version, found->model, certain);
}

async::Task<Result<domain::Offer>> Versions::find_accepted(std::string_view id) {
  if (const auto [model, version] = catalog_.find_version(id); version != nullptr) {
    co_return domain::Catalog::offer(model, version);
  }
  const auto found = co_await store_.find_version(std::string(id));
  if (!found) co_return std::unexpected(found.error());
  co_return offer_by_catalog(catalog_, found->version, found->model);
}

}  // namespace hekto::service
