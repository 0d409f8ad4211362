// SPDX-License-Identifier: Apache-2.0
#include "service/models.h"

#include <algorithm>

namespace hekto::service {
namespace {

std::unexpected<Error> unknown() { return fail(ErrorCode::not_found, "The requested resource could not be found."); }
std::unexpected<Error> forbidden() { return fail(ErrorCode::forbidden, "only its owner may change a model"); }

}  // namespace

async::Task<Result<domain::OwnedModel>> Models::create(domain::OwnedModel model) {
  if (catalog_.find(model.owner, model.name) != nullptr) co_return fail(ErrorCode::conflict, "the name is taken");
  const auto before = co_await store_.list_models(model.account);
  if (!before) co_return std::unexpected(before.error());
  const auto own_count = std::ranges::count(*before, model.account, &domain::OwnedModel::account);
  if (static_cast<std::size_t>(own_count) >= kMaxPerAccount) {
    co_return fail(ErrorCode::too_large, "an account may have " + std::to_string(kMaxPerAccount) + " models");
  }
  model.created_at = clock_.now();
  const auto created = co_await store_.create_model(model);
  if (!created) co_return std::unexpected(created.error());
  co_return model;
}

async::Task<Result<domain::OwnedModel>> Models::get(std::string account, std::string owner, std::string name) {
  auto model = co_await store_.find_model(std::move(owner), std::move(name));
  if (!model && model.error().code == ErrorCode::not_found) co_return unknown();
  if (model && model->account != account && model->visibility != "public") co_return unknown();
  co_return model;
}

async::Task<Result<std::vector<domain::OwnedModel>>> Models::visible(std::string account) {
  co_return co_await store_.list_models(std::move(account));
}

async::Task<Result<domain::OwnedModel>> Models::own(std::string account, std::string owner, std::string name) {
  if (catalog_.find(owner, name) != nullptr) co_return forbidden();
  auto model = co_await get(account, std::move(owner), std::move(name));
  if (model && model->account != account) co_return forbidden();
  co_return model;
}

async::Task<Result<domain::OwnedModel>> Models::update(std::string account, std::string owner, std::string name,
                                                       std::function<void(domain::OwnedModel&)> change) {
  auto model = co_await own(std::move(account), std::move(owner), std::move(name));
  if (!model) co_return model;
  change(*model);
  const auto updated = co_await store_.update_model(*model);
  if (!updated) co_return std::unexpected(updated.error());
  co_return model;
}

async::Task<Result<void>> Models::remove(std::string account, std::string owner, std::string name) {
  const auto model = co_await own(std::move(account), std::move(owner), std::move(name));
  if (!model) co_return std::unexpected(model.error());
  if (model->visibility == "public") co_return forbidden();
  auto removed = co_await store_.delete_model(model->owner, model->name);
  if (!removed && removed.error().code == ErrorCode::conflict) {
    co_return fail(
        ErrorCode::conflict,
        "Only models without versions can be deleted: delete its versions, and cancel its trainings, first.");
  }
  co_return removed;
}

async::Task<Result<std::vector<domain::TrainedVersion>>> Models::versions(const domain::OwnedModel& model) {
  auto all = co_await store_.list_versions(model.owner, model.name);
  if (!all) co_return all;
  std::erase_if(*all, [this](const auto& v) { return !v.home && catalog_.find_version(v.base).second == nullptr; });
  co_return all;
}

async::Task<Result<domain::VersionUse>> Models::remove_version(std::string account, std::string owner, std::string name,
                                                               std::string id) {
  if (const auto* model = catalog_.find(owner, name)) {
    const bool known = std::ranges::find(model->versions, id, &domain::Version::id) != model->versions.end();
    if (known) co_return forbidden();
    co_return unknown();
  }
  auto use = co_await store_.delete_version(std::move(account), std::move(owner), std::move(name), std::move(id));
  if (!use && use.error().code == ErrorCode::not_found) co_return unknown();
  co_return use;
}

}  // namespace hekto::service
