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
  offered_ != nullptr ? append_model(out, *offered_, urls) : append_model(out, *owned_, base_.get(), urls);
}

async::Task<std::shared_ptr<const domain::Version>> latest_of(const Api& api, service::Viewer viewer,
                                                              const domain::OwnedModel& model) {
  if (!model.latest_version) co_return nullptr;
  co_return co_await api.versions.like_certainly(viewer, *model.latest_version);
}

std::vector<ModelView> model_views(const Api& api, const service::Viewer& viewer,
                                   const std::vector<domain::OwnedModel>& owned) {
  std::vector<ModelView> views;
  const bool remote = api.remote != nullptr && !viewer.test;
  const auto is_upstreams = [&](const std::string& name) {
    return remote && api.remote->serves({domain::RelayTarget::Kind::model, name});
  };
  for (const auto& [name, model] : api.catalog.models()) {
    if (model.visibility == "public" && !is_upstreams(name)) views.emplace_back(model);
  }
  for (const auto& model : owned) {
    // The catalog may have gained a model of the same name since; it is the one that can run.
    const bool hidden =
        api.catalog.find(model.owner, model.name) != nullptr && !is_upstreams(model.owner + "/" + model.name);
    if (hidden) continue;
    views.emplace_back(model, model.latest_version ? api.versions.like(viewer, *model.latest_version) : nullptr);
  }
  return views;
}

}  // namespace hekto::api
