// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/model_view.h"

namespace hekto::api {
namespace {

std::string_view text_or_empty(const std::optional<std::string>& text) {
  return text ? std::string_view(*text) : std::string_view();
}

}  // namespace

std::string ModelView::full_name() const {
  std::string out(owner());
  out.append("/").append(name());
  return out;
}

std::string_view ModelView::description() const {
  return offered_ != nullptr ? std::string_view(offered_->description) : text_or_empty(owned_->description);
}

std::string_view ModelView::readme() const {
  return text_or_empty(offered_ != nullptr ? offered_->readme : owned_->readme);
}

std::vector<std::string> ModelView::tags() const {
  return offered_ != nullptr ? offered_->tags : std::vector<std::string>();
}

Time ModelView::latest_version_at() const {
  if (offered_ != nullptr) return offered_->latest().created_at;
  return base_ != nullptr ? owned_->latest_version->created_at : owned_->created_at;
}

void ModelView::append(std::string& out, const json::UrlContext& urls) const {
  offered_ != nullptr ? append_model(out, *offered_, urls) : append_model(out, *owned_, base_, urls);
}

const domain::Version* base_of_latest(const domain::Catalog& catalog, const domain::OwnedModel& model) {
  return model.latest_version ? catalog.find_version(model.latest_version->base).second : nullptr;
}

std::vector<ModelView> model_views(const domain::Catalog& catalog, const std::vector<domain::OwnedModel>& owned) {
  std::vector<ModelView> views;
  for (const auto& [name, model] : catalog.models()) {
    if (model.visibility == "public") views.emplace_back(model);
  }
  for (const auto& model : owned) {
    // The catalog may have gained a model of the same name since; it is the one that can run.
    if (catalog.find(model.owner, model.name) == nullptr) views.emplace_back(model, base_of_latest(catalog, model));
  }
  return views;
}

}  // namespace hekto::api
