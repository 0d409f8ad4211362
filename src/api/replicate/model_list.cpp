// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/model_list.h"

#include <algorithm>
#include <tuple>

namespace hekto::api {
namespace {

/// What a cursor says about the sorting: "vd" is newest version first, "ma" oldest model first.
std::string filter_of(const ModelListRequest& request) {
  return std::string(request.by_creation ? "m" : "v") + (request.ascending ? "a" : "d");
}

Result<void> read_sorting(const http::Request& request, ModelListRequest& out) {
  const auto read = [&request](std::string_view name, std::string_view usual, std::string_view other, bool& is_other) {
    const auto text = request.query_param(name);
    is_other = text == other;
    if (!text || text == usual || text == other) return Result<void>();
    return Result<void>(fail(ErrorCode::invalid_input, "Query parameter \"" + std::string(name) + "\" allows only \"" +
                                                           std::string(usual) + "\" and \"" + std::string(other) +
                                                           "\""));
  };
  if (auto read_by = read("sort_by", "latest_version_created_at", "model_created_at", out.by_creation); !read_by) {
    return read_by;
  }
  return read("sort_direction", "desc", "asc", out.ascending);
}

}  // namespace

Result<ModelListRequest> read_model_list_request(const http::Request& request) {
  ModelListRequest out;
  if (auto sorting = read_sorting(request, out); !sorting) return std::unexpected(sorting.error());
  auto page = read_page_request(request);
  if (!page) return std::unexpected(page.error());
  out.page = std::move(*page);
  if (out.page.at) {
    const auto& filter = out.page.filter;
    if (filter != "va" && filter != "vd" && filter != "ma" && filter != "md") {
      return fail(ErrorCode::invalid_input, "Invalid cursor");
    }
    out.by_creation = filter[0] == 'm';
    out.ascending = filter[1] == 'a';
  }
  out.page.filter = filter_of(out);
  return out;
}

bool is_listed_before(bool ascending, const ports::Position& a, const ports::Position& b) {
  const bool less = std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
  return ascending ? less : std::tie(b.created_at, b.id) < std::tie(a.created_at, a.id);
}

std::string sorting_query(const ModelListRequest& request) {
  if (!request.by_creation && !request.ascending) return {};
  std::string query = "?sort_by=";
  query += request.by_creation ? "model_created_at" : "latest_version_created_at";
  return query + "&sort_direction=" + (request.ascending ? "asc" : "desc");
}

std::string model_page(const json::UrlContext& urls, const ModelListRequest& request, std::vector<ListedModel> models) {
  const auto place = [&request](const ListedModel& model) {
    return ports::Position{request.by_creation ? model.created_at : model.latest_version_at, model.name};
  };
  const auto is_before = [&request](const ports::Position& a, const ports::Position& b) {
    return is_listed_before(request.ascending, a, b);
  };
  std::ranges::sort(models, is_before, place);
  const auto& from = request.page;
  if (from.at) {
    std::erase_if(models, [&](const ListedModel& model) {
      return from.newer ? !is_before(place(model), *from.at) : !is_before(*from.at, place(model));
    });
  }
  const bool more = models.size() > kModelsPerPage;
  if (more && from.newer) {
    models.erase(models.begin(), models.end() - static_cast<std::ptrdiff_t>(kModelsPerPage));
  } else if (more) {
    models.erase(models.begin() + static_cast<std::ptrdiff_t>(kModelsPerPage), models.end());
  }
  std::string results;
  for (const auto& model : models) {
    if (!results.empty()) results += ',';
    model.write(results);
  }
  std::optional<ports::Position> first;
  std::optional<ports::Position> last;
  if (!models.empty()) {
    first = place(models.front());
    last = place(models.back());
  }
  std::string sorting = request.by_creation ? "&sort_by=model_created_at" : "&sort_by=latest_version_created_at";
  sorting += request.ascending ? "&sort_direction=asc" : "&sort_direction=desc";
  return page_json(urls, "/models", from, first, last, more, results, sorting);
}

}  // namespace hekto::api
