// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/replicate/model_json.h"
#include "domain/model.h"
#include "domain/owned_model.h"

namespace hekto::api {

/// A model of the catalog or one that a client created, as lists and search look at both. Refers to what it was made
/// of.
class ModelView {
 public:
  explicit ModelView(const domain::Model& model) : offered_(&model) {}
  /// `base` is what its newest version is like, or nullptr when there is none to show.
  ModelView(const domain::OwnedModel& model, std::shared_ptr<const domain::Version> base)
      : owned_(&model), base_(std::move(base)) {}

  std::string full_name() const;
  std::string_view owner() const { return offered_ != nullptr ? offered_->owner : owned_->owner; }
  std::string_view name() const { return offered_ != nullptr ? offered_->name : owned_->name; }
  std::string_view description() const;
  std::string_view readme() const;
  std::vector<std::string> tags() const;
  Time created_at() const { return offered_ != nullptr ? offered_->created_at : owned_->created_at; }
  /// Of the newest version; created_at() when there is none.
  Time latest_version_at() const;
  void append(std::string& out, const json::UrlContext& urls) const;

 private:
  const domain::Model* offered_ = nullptr;  // one of the two is set
  const domain::OwnedModel* owned_ = nullptr;
  std::shared_ptr<const domain::Version> base_;
};

/// What the newest version of a client's model is like; nullptr when there is none, or the catalog has it no more.
async::Task<std::shared_ptr<const domain::Version>> latest_of(const Api& api, service::Viewer viewer,
                                                              const domain::OwnedModel& model);

/// The catalog's public models, without those that `viewer` finds at an upstream, and after them `owned`, which
/// outlives the result.
std::vector<ModelView> model_views(const Api& api, const service::Viewer& viewer,
                                   const std::vector<domain::OwnedModel>& owned);

}  // namespace hekto::api
