// SPDX-License-Identifier: Apache-2.0
// MemoryStore: uploaded files, deployments, models of accounts and their versions.
#include <algorithm>
#include <tuple>

#include "tests/support/memory_store.h"

namespace hekto::test {

using async::Task;
using domain::Deployment;
using domain::File;
using domain::OwnedModel;
using domain::TrainedVersion;
using domain::VersionUse;

namespace {

std::unexpected<Error> missing() { return fail(ErrorCode::not_found, "no such thing"); }

/// The page of `query` out of `matching`, which is in any order. `id` is the member that cursors go by.
template <class T>
ports::Page<T> page_of(std::vector<T> matching, const ports::PageQuery& query, std::string T::* id) {
  const auto place = [id](const T& item) { return std::tie(item.created_at, item.*id); };
  std::ranges::sort(matching, std::greater<>(), place);
  std::erase_if(matching, [&](const T& item) {
    return (query.before && !(place(item) < std::tie(query.before->created_at, query.before->id))) ||
           (query.after && !(place(item) > std::tie(query.after->created_at, query.after->id)));
  });
  ports::Page<T> page;
  page.more = matching.size() > query.limit;
  const auto surplus = static_cast<std::ptrdiff_t>(page.more ? matching.size() - query.limit : 0);
  if (query.after && !query.before) {
    matching.erase(matching.begin(), matching.begin() + surplus);
  } else {
    matching.erase(matching.end() - surplus, matching.end());
  }
  page.items = std::move(matching);
  return page;
}

}  // namespace

Task<Result<void>> MemoryStore::create_file(File file) {
  std::scoped_lock lock(mutex_);
  if (std::ranges::find(files_, file.id, &File::id) != files_.end()) co_return fail(ErrorCode::conflict, "taken");
  files_.push_back(std::move(file));
  co_return Result<void>();
}

Task<Result<File>> MemoryStore::find_file(std::string id) {
  std::scoped_lock lock(mutex_);
  const auto file = std::ranges::find(files_, id, &File::id);
  if (file == files_.end()) co_return missing();
  co_return *file;
}

Task<Result<ports::Page<File>>> MemoryStore::list_files(ports::PageQuery query, Time now) {
  std::scoped_lock lock(mutex_);
  std::vector<File> matching;
  for (const auto& file : files_) {
    if (file.account == query.account && !domain::is_expired(file, now)) matching.push_back(file);
  }
  co_return page_of(std::move(matching), query, &File::id);
}

void MemoryStore::drop_file(std::size_t index) {
  const File& file = files_[index];
  const bool known =
      std::ranges::any_of(garbage_, [&](const auto& g) { return g.owner == file.id && g.sha256 == file.sha256; });
  if (!known) garbage_.push_back({next_garbage_++, file.id, file.sha256});
  files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(index));
}

Task<Result<void>> MemoryStore::remove_file(std::string account, std::string id) {
  std::scoped_lock lock(mutex_);
  const auto file = std::ranges::find(files_, id, &File::id);
  if (file == files_.end() || file->account != account) co_return missing();
  drop_file(static_cast<std::size_t>(file - files_.begin()));
  co_return Result<void>();
}

Task<Result<std::size_t>> MemoryStore::expire_files(Time now, std::size_t limit) {
  std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  for (; count < limit; ++count) {
    const auto first =
        std::ranges::min_element(files_, {}, [](const File& file) { return std::tie(file.expires_at, file.id); });
    if (first == files_.end() || !domain::is_expired(*first, now)) break;
    drop_file(static_cast<std::size_t>(first - files_.begin()));
  }
  co_return count;
}

Task<Result<void>> MemoryStore::create_deployment(Deployment deployment) {
  std::scoped_lock lock(mutex_);
  if (!deployments_.emplace(std::pair(deployment.account, deployment.name), deployment).second) {
    co_return fail(ErrorCode::conflict, "taken");
  }
  co_return Result<void>();
}

Task<Result<Deployment>> MemoryStore::find_deployment(std::string account, std::string name) {
  std::scoped_lock lock(mutex_);
  const auto found = deployments_.find({account, name});
  if (found == deployments_.end()) co_return missing();
  co_return found->second;
}

Task<Result<ports::Page<Deployment>>> MemoryStore::list_deployments(ports::PageQuery query) {
  std::scoped_lock lock(mutex_);
  std::vector<Deployment> matching;
  for (const auto& [key, deployment] : deployments_) {
    if (key.first == query.account) matching.push_back(deployment);
  }
  co_return page_of(std::move(matching), query, &Deployment::name);
}

Task<Result<Deployment>> MemoryStore::release(std::string account, std::string name, domain::Release next) {
  std::scoped_lock lock(mutex_);
  const auto found = deployments_.find({account, name});
  if (found == deployments_.end()) co_return missing();
  if (next.number != found->second.release.number + 1) co_return fail(ErrorCode::conflict, "another was first");
  found->second.release = std::move(next);
  co_return found->second;
}

Task<Result<void>> MemoryStore::delete_deployment(std::string account, std::string name) {
  std::scoped_lock lock(mutex_);
  if (deployments_.erase({account, name}) == 0) co_return missing();
  co_return Result<void>();
}

Task<Result<void>> MemoryStore::create_model(OwnedModel model) {
  std::scoped_lock lock(mutex_);
  model.latest_version.reset();
  if (!models_.emplace(std::pair(model.owner, model.name), model).second) {
    co_return fail(ErrorCode::conflict, "taken");
  }
  co_return Result<void>();
}

Task<Result<OwnedModel>> MemoryStore::find_model(std::string owner, std::string name) {
  std::scoped_lock lock(mutex_);
  const auto found = models_.find({owner, name});
  if (found == models_.end()) co_return missing();
  co_return with_latest(found->second);
}

Task<Result<std::vector<OwnedModel>>> MemoryStore::list_models(std::string account) {
  std::scoped_lock lock(mutex_);
  std::vector<OwnedModel> visible;
  for (const auto& [key, model] : models_) {
    if (model.account == account || model.visibility == "public") visible.push_back(with_latest(model));
  }
  std::ranges::sort(visible, {}, [](const OwnedModel& m) { return std::tie(m.created_at, m.owner, m.name); });
  co_return visible;
}

Task<Result<void>> MemoryStore::update_model(OwnedModel model) {
  std::scoped_lock lock(mutex_);
  const auto found = models_.find({model.owner, model.name});
  if (found == models_.end()) co_return missing();
  model.account = found->second.account;
  model.created_at = found->second.created_at;
  model.latest_version.reset();
  found->second = std::move(model);
  co_return Result<void>();
}

Task<Result<void>> MemoryStore::delete_model(std::string owner, std::string name) {
  std::scoped_lock lock(mutex_);
  const auto found = models_.find({owner, name});
  if (found == models_.end()) co_return missing();
  const bool awaited = std::ranges::any_of(predictions_, [&](const auto& p) {
    return p.training && !domain::is_terminal(p.status) && p.training->destination == owner + "/" + name;
  });
  if (awaited || with_latest(found->second).latest_version) co_return fail(ErrorCode::conflict, "has versions");
  models_.erase(found);
  co_return Result<void>();
}

void MemoryStore::keep_version(const domain::Prediction& p, const std::string& made) {
  if (!p.training || p.status != domain::Status::succeeded) return;
  if (auto version = domain::trained_version(p, made)) versions_.push_back(std::move(*version));
}

OwnedModel MemoryStore::with_latest(OwnedModel model) const {
  for (const auto& version : versions_) {
    if (version.owner == model.owner && version.name == model.name) model.latest_version = version;
  }
  return model;
}

Task<Result<ports::ModelVersion>> MemoryStore::find_version(std::string id) {
  std::scoped_lock lock(mutex_);
  const auto version = std::ranges::find(versions_, id, &TrainedVersion::id);
  if (version == versions_.end()) co_return missing();
  co_return ports::ModelVersion{*version, with_latest(models_.at({version->owner, version->name}))};
}

Task<Result<std::vector<TrainedVersion>>> MemoryStore::list_versions(std::string owner, std::string name) {
  std::scoped_lock lock(mutex_);
  std::vector<TrainedVersion> found;
  for (const auto& version : versions_) {
    if (version.owner == owner && version.name == name) found.insert(found.begin(), version);
  }
  co_return found;
}

Task<Result<VersionUse>> MemoryStore::delete_version(std::string account, std::string owner, std::string name,
                                                     std::string id) {
  std::scoped_lock lock(mutex_);
  const auto model = models_.find({owner, name});
  const auto version = std::ranges::find(versions_, id, &TrainedVersion::id);
  if (model == models_.end() || model->second.account != account || version == versions_.end() ||
      version->owner != owner || version->name != name) {
    co_return missing();
  }
  if (model->second.visibility == "public") co_return VersionUse::public_model;
  const auto runs = [&](const auto& entry) { return entry.second.release.version == id; };
  if (std::ranges::any_of(deployments_, runs)) co_return VersionUse::deployed;
  const auto starts_from = [&](const auto& p) { return p.training && p.version == id; };
  if (std::ranges::any_of(predictions_, starts_from)) co_return VersionUse::trained_on;
  versions_.erase(version);
  co_return VersionUse::none;
}

}  // namespace hekto::test
