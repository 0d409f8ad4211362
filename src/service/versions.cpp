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

async::Task<Result<domain::Offer>> Versions::resolve(std::string_view account, std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) co_return co_await find(account, text);
  const auto colon = text.find(':', slash);
  const auto owner = text.substr(0, slash);
  const auto name = text.substr(slash + 1, colon == std::string_view::npos ? colon : colon - slash - 1);
  if (colon == std::string_view::npos) co_return co_await newest(account, owner, name);
  co_return co_await find(account, owner, name, text.substr(colon + 1));
}

async::Task<Result<domain::Offer>> Versions::newest(std::string_view account, std::string_view owner,
                                                    std::string_view name) {
  if (const auto* model = catalog_.find(owner, name)) co_return domain::Catalog::offer(model, nullptr);
  const auto model = co_await store_.find_model(std::string(owner), std::string(name));
  if (!model && model.error().code != ErrorCode::not_found) co_return std::unexpected(model.error());
  if (!model || !may_see(account, *model) || !model->latest_version) co_return unknown();
  co_return offer_of(catalog_, *model->latest_version, *model);
}

async::Task<Result<domain::Offer>> Versions::find(std::string_view account, std::string_view owner,
                                                  std::string_view name, std::string_view id) {
  if (const auto* model = catalog_.find(owner, name)) {
    const auto version = std::ranges::find(model->versions, id, &domain::Version::id);
    if (version == model->versions.end()) co_return unknown();
    co_return domain::Catalog::offer(model, &*version);
  }
  auto found = co_await find(account, id);
  if (found && (found->model->owner != owner || found->model->name != name)) co_return unknown();
  co_return found;
}

async::Task<Result<domain::Offer>> Versions::find(std::string_view account, std::string_view id) {
  if (const auto [model, version] = catalog_.find_version(id); version != nullptr) {
    co_return domain::Catalog::offer(model, version);
  }
  if (!domain::is_version_id(id)) co_return unknown();
  const auto found = co_await store_.find_version(std::string(id));
  if (!found && found.error().code != ErrorCode::not_found) co_return std::unexpected(found.error());
  if (!found || !may_see(account, found->model)) co_return unknown();
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
