// SPDX-License-Identifier: Apache-2.0
#include "domain/model.h"

namespace hekto::domain {

void Catalog::add(Model model) {
  auto key = model.full_name();
  models_.insert_or_assign(std::move(key), std::move(model));
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
