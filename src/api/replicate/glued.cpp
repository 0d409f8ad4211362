// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "api/problem.h"
#include "api/replicate/lists.h"

namespace hekto::api {
namespace {

struct List {
  std::string_view path;
  async::Task<http::Response> (*handler)(const Api&, Call&);
};
constexpr std::array<List, 5> kLists = {{{"/predictions", list_predictions},
                                         {"/trainings", list_trainings},
                                         {"/deployments", list_deployments},
                                         {"/files", list_files},
                                         {"/models", list_models}}};

/// Makes the owner and name in ".../models/{owner}/{name}/versions" the parameters of the request. False when `path` is
/// of another form.
bool read_versions_path(std::string_view path, http::Request& request) {
  const auto take_last = [&path] {
    const auto slash = path.rfind('/');
    const auto segment = path.substr(slash == path.npos ? 0 : slash + 1);
    path.remove_suffix(std::min(path.size(), segment.size() + 1));
    return segment;
  };
  if (take_last() != "versions") return false;
  const auto name = take_last();
  const auto owner = take_last();
  if (take_last() != "models" || owner.empty() || name.empty()) return false;
  request.params[0] = owner;
  request.params[1] = name;
  return true;
}

/// Whatever host and mount stand in front: they were ours when the URL was made.
async::Task<http::Response> list_glued(const Api& api, Call& call) {
  const std::string_view glued = call.request.params[0];
  if (read_versions_path(glued, call.request)) {
    const auto& [owner, name, rest, more] = call.request.params;
    call.path = glued.substr(glued.size() - (sizeof("/models///versions") - 1 + owner.size() + name.size()));
    co_return co_await list_versions(api, call);
  }
  for (const auto& list : kLists) {
    if (!glued.ends_with(list.path)) continue;
    call.path = list.path;
    co_return co_await list.handler(api, call);
  }
  co_return not_found();
}

}  // namespace

void add_glued_routes(http::Router& router, const Api& api) {
  for (const std::string scheme : {"http:", "https:"}) {
    add_route(router, api, http::Method::get, "/" + scheme + "/{glued...}", service::RateClass::other, list_glued);
  }
}

}  // namespace hekto::api
