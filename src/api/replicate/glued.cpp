// SPDX-License-Identifier: Apache-2.0
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

/// Whatever host and mount stand in front: they were ours when the URL was made.
async::Task<http::Response> list_glued(const Api& api, Call& call) {
  for (const auto& list : kLists) {
    if (call.request.params[0].ends_with(list.path)) co_return co_await list.handler(api, call);
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
