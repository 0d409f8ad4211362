// SPDX-License-Identifier: Apache-2.0
#include "service/versions.h"

#include <algorithm>

namespace hekto::service {
namespace {

std::unexpected<Error> unknown() { return fail(ErrorCode::not_found, "The requested resource could not be found."); }

bool may_see(std::string_view account, const domain::OwnedModel& model) {
  return model.account == account || model.visibility == "public";
}

/// The trained version as a model with this one version; empty when the catalog lacks what it is like.
Result<domain::Offer> offer_of(const domain::Catalog& catalog, const domain::TrainedVersion& trained,
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

async::Task<Result<domain::Offer>> Versions::resolve(const Viewer& viewer, std::string_view text, bool certain) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) co_return co_await find(viewer, text);
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
  if (!model && remotely) co_return co_await remote(owner, name, {}, certain);
  if (!model || !may_see(viewer.account, *model) || !model->latest_version) co_return unknown();
  co_return offer_of(catalog_, *model->latest_version, *model);
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
    if (!model) co_return co_await remote(owner, name, id, certain);
  }
  auto found = co_await find(viewer, id);
  if (found && (found->model->owner != owner || found->model->name != name)) co_return unknown();
  co_return found;
}

async::Task<Result<domain::Offer>> Versions::find(const Viewer& viewer, std::string_view id) {
  const bool remotely =
      remote_ != nullptr && !viewer.test && remote_->serves({domain::RelayTarget::Kind::version, std::string(id)});
  if (const auto [model, version] = catalog_.find_version(id); version != nullptr && !remotely) {
    co_return domain::Catalog::offer(model, version);
  }
  if (!domain::is_version_id(id)) co_return unknown();
  const auto found = co_await store_.find_version(std::string(id));
  if (!found && found.error().code != ErrorCode::not_found) co_return std::unexpected(found.error());
  if (!found && remotely) co_return remote_->known({}, {}, id);
  if (!found || !may_see(viewer.account, found->model)) co_return unknown();
  co_return offer_of(catalog_, found->version, found->model);
}

async::Task<Result<domain::Offer>> Versions::find_accepted(std::string_view id) {
  if (const auto [model, version] = catalog_.find_version(id); version != nullptr) {
    co_return domain::Catalog::offer(model, version);
  }
  const auto found = co_await store_.find_version(std::string(id));
  if (!found) co_return std::unexpected(found.error());
  co_return offer_of(catalog_, found->version, found->model);
}

}  // namespace hekto::service
