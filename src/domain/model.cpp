// SPDX-License-Identifier: Apache-2.0
#include "domain/model.h"

#include <algorithm>

namespace hekto::domain {

void Catalog::add(Model model) {
  auto key = model.full_name();
  models_.insert_or_assign(std::move(key), std::move(model));
}

void Catalog::add(Collection collection) {
  const auto same = std::ranges::find(collections_, collection.slug, &Collection::slug);
  if (same != collections_.end()) {
    *same = std::move(collection);
  } else {
    collections_.push_back(std::move(collection));
  }
}

Offer Catalog::offer(const Model* model, const Version* version) {
  if (model == nullptr) return {};
  if (version == nullptr) version = &model->latest();
  return {std::shared_ptr<const Model>(std::shared_ptr<const Model>(), model), version, version->id};
}

const Collection* Catalog::find_collection(std::string_view slug) const {
  const auto found = std::ranges::find(collections_, slug, &Collection::slug);
  return found == collections_.end() ? nullptr : &*found;
}

const Model* Catalog::find(std::string_view owner, std::string_view name) const {
  std::string key;
  key.reserve(owner.size() + name.size() + 1);
  key.append(owner).append("/").append(name);
  const auto it = models_.find(key);
  return it == models_.end() ? nullptr : &it->second;
}

std::pair<const Model*, const Version*> Catalog::find_version(std::string_view id) const {
  for (const auto& [name, model] : models_) {
    for (const auto& version : model.versions) {
      if (version.id == id) return {&model, &version};
    }
  }
  return {nullptr, nullptr};
}

}  // namespace hekto::domain
