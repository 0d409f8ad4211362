// SPDX-License-Identifier: Apache-2.0
// Trainings: predictions that make a version of one of the caller's models.
#include "api/problem.h"
#include "api/replicate/create.h"
#include "api/replicate/create_body.h"
#include "api/replicate/create_mark.h"
#include "api/replicate/lists.h"

namespace hekto::api {
namespace {

async::Task<http::Response> create_training(const Api& api, Call& call) {
  auto mark = read_create_mark(api, call);
  if (!mark) co_return error_response(mark.error());
  const auto& params = call.request.params;
  auto offer = co_await api.versions.find(viewer_of(call), params[0], params[1], params[2]);
  if (!offer) co_return error_response(offer.error());
  if (!offer->version->training || !offer->at.empty()) co_return untrainable();
  auto body = co_await read_training_body(api, call, std::move(*offer));
  if (auto* refusal = std::get_if<http::Response>(&body)) co_return std::move(*refusal);
  co_return co_await answer_create(api, call, std::move(std::get<service::CreatePrediction>(body)), std::move(*mark));
}

http::Response training_response(const service::SnapshotPtr& snapshot, const json::UrlContext& urls) {
  if (!snapshot->value.training) return not_found();
  http::Response response;
  response.body = snapshot->rendered(urls);
  return response;
}

async::Task<http::Response> get_training(const Api& api, Call& call) {
  const auto found = co_await api.predictions.get(call.caller->key().account, call.request.params[0]);
  if (!found) co_return error_response(found.error());
  co_return training_response(*found, call.urls);
}

async::Task<http::Response> cancel_training(const Api& api, Call& call) {
  const auto& account = call.caller->key().account;
  const auto found = co_await api.predictions.get(account, call.request.params[0]);
  if (!found) co_return error_response(found.error());
  // Looked at first: a prediction must not end by a path that does not know it.
  if (!(*found)->value.training) co_return not_found();
  const auto ended = co_await api.predictions.cancel(account, call.request.params[0]);
  if (!ended) co_return error_response(ended.error());
  co_return training_response(*ended, call.urls);
}

}  // namespace

void add_training_routes(http::Router& router, const Api& api) {
  using service::RateClass;
  add_route(router, api, http::Method::post, "/models/{owner}/{name}/versions/{id}/trainings", RateClass::create,
            create_training, {.max_body = api.options.max_json_body});
  add_route(router, api, http::Method::get, "/trainings", RateClass::other, list_trainings);
  add_route(router, api, http::Method::get, "/trainings/{id}", RateClass::read, get_training);
  add_route(router, api, http::Method::post, "/trainings/{id}/cancel", RateClass::other, cancel_training);
}

}  // namespace hekto::api
