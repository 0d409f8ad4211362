// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/replicate/page.h"

namespace hekto::api {

inline constexpr std::size_t kModelsPerPage = 25;

/// A model as a list sorts and shows it.
struct ListedModel {
  std::string name;  ///< "owner/name"
  Time created_at{};
  Time latest_version_at{};                 ///< created_at when it has no version
  std::function<void(std::string&)> write;  ///< appends its object
};

/// How GET /models is sorted, and where in it a request stands.
struct ModelListRequest {
  PageRequest page;
  bool by_creation = false;  ///< else by the newest version
  bool ascending = false;
};

/// From the query parameters cursor, sort_by and sort_direction; the cursor carries its own sorting. invalid_input
/// names the bad one.
Result<ModelListRequest> read_model_list_request(const http::Request& request);

/// Whether the model at `a` is listed before the one at `b`; of one moment they go by name.
bool is_listed_before(bool ascending, const ports::Position& a, const ports::Position& b);

/// The sorting as a query: "?sort_by=…&sort_direction=…"; empty when it is the usual one.
std::string sorting_query(const ModelListRequest& request);

/// The list object of one page.
std::string model_page(const json::UrlContext& urls, const ModelListRequest& request, std::vector<ListedModel> models);

}  // namespace hekto::api
