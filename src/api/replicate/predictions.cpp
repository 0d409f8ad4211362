// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"
#include "api/problem.h"
#include "api/replicate/create.h"
#include "api/replicate/create_body.h"
#include "api/replicate/create_mark.h"
#include "api/replicate/cursor.h"
#include "api/replicate/lists.h"
#include "api/replicate/remote.h"
#include "base/text.h"
#include "domain/prefer.h"
#include "domain/steering.h"

namespace hekto::api {
namespace {

constexpr std::size_t kPageSize = 100;

http::Response prediction_response(const service::Snapshot& snapshot, const json::UrlContext& urls) {
  http::Response response;
  response.body = snapshot.rendered(urls);
  return response;
}

/// What the create asks for: the first Prefer header that says something about waiting, as if all were one list.
std::optional<domain::WaitPreference> read_prefer(const http::Request& request) {
  for (const auto& header : request.headers) {
    if (!iequals(header.name, "prefer")) continue;
    if (auto prefer = domain::parse_prefer(header.value)) return prefer;
  }
  return std::nullopt;
}

async::Task<http::Response> create_by_version(const Api& api, Call& call) {
  co_return co_await create_prediction(api, call, {});
}

async::Task<http::Response> create_by_model(const Api& api, Call& call) {
  const auto& params = call.request.params;
  auto offer = co_await api.versions.newest(viewer_of(call), params[0], params[1]);
  if (!offer) co_return error_response(offer.error());
  CreateTarget target{.offer = std::move(*offer)};
  if (target.offer.relayed) {
    target.relay = relay_target(
        target.offer, {domain::RelayTarget::Kind::model, std::string(params[0]) + "/" + std::string(params[1])});
  }
  co_return co_await create_prediction(api, call, std::move(target));
}

async::Task<http::Response> get(const Api& api, Call& call) {
  // By far the most frequent request: clients poll.
  if (const auto held = api.predictions.held(call.caller->key().account, call.request.params[0])) {
    co_return prediction_response(*held, call.urls);
  }
  const auto found = co_await api.predictions.get(call.caller->key().account, call.request.params[0]);
  if (!found) co_return error_response(found.error());
  co_return prediction_response(**found, call.urls);
}

async::Task<http::Response> cancel(const Api& api, Call& call) {
  const auto ended = co_await api.predictions.cancel(call.caller->key().account, call.request.params[0]);
  if (!ended) co_return error_response(ended.error());
  co_return prediction_response(**ended, call.urls);
}

/// What an upstream said instead of taking a create.
http::Response refusal_response(ports::Refusal refusal) {
  http::Response response;
  response.status = static_cast<unsigned>(refusal.status);
  response.content_type = "application/problem+json";
  response.body = std::move(refusal.body);
  return response;
}

}  // namespace

std::optional<http::Response> read_steering(const http::Request& request, std::string& steering) {
  const std::string_view text = request.header("hekto-sandbox");
  domain::Steering understood;
  if (const auto added = domain::add_steering(understood, text); !added) {
    return http::problem(422, "Hekto-Sandbox: " + added.error().message, "Input validation failed");
  }
  steering = text;
  return std::nullopt;
}

async::Task<http::Response> create_prediction(const Api& api, Call& call, CreateTarget target) {
  auto mark = read_create_mark(api, call);
  if (!mark) co_return error_response(mark.error());
  auto body = co_await read_create_body(api, call, std::move(target.offer), std::move(target.relay));
  if (auto* refusal = std::get_if<http::Response>(&body)) co_return std::move(*refusal);
  auto& request = std::get<service::CreatePrediction>(body);
  request.deployment = std::move(target.deployment);
  co_return co_await answer_create(api, call, std::move(request), std::move(*mark));
}

async::Task<http::Response> answer_create(const Api& api, Call& call, service::CreatePrediction request,
                                          std::optional<domain::CreateMark> mark) {
  const bool training = !request.destination.empty();
  if (call.request.has_header("cancel-after")) {
    const auto after = domain::parse_cancel_after(call.request.header("cancel-after"));
    if (!after) co_return http::problem(422, after.error().message, "Input validation failed");
    request.cancel_after = *after;
  }

  if (auto refusal = read_steering(call.request, request.steering)) co_return std::move(*refusal);

  if (request.webhook) {
    request.webhook->origin = call.urls.origin;
    request.webhook->mount = call.urls.mount;
  }
  if (request.relay) {
    request.place = api.predictions.try_place(*call.caller, *request.relay);
    if (!request.place && request.invalid_input) co_return refusal_response(std::move(*request.invalid_input));
  }
  http::Response response;
  response.status = 201;
  service::Created created;
  const auto refused = [training, &api, &call](const Error& error) {
    if (error.code == ErrorCode::unavailable) note_refused_create(api, call.request, call.path);
    return training && error.code == ErrorCode::not_found ? unknown_destination() : error_response(error);
  };
  if (mark) {
    auto once = co_await api.predictions.create_once(*call.caller, std::move(request), std::move(*mark));
    if (!once) co_return refused(once.error());
    if (once->outcome == ports::Creation::Outcome::differs) co_return key_reused();
    if (once->outcome == ports::Creation::Outcome::repeated) response.set("idempotent-replayed", "true");
    created = std::move(*once);
  } else {
    auto made = co_await api.predictions.create(*call.caller, std::move(request));
    if (!made) co_return refused(made.error());
    created = std::move(*made);
  }
  if (created.refusal) co_return refusal_response(std::move(*created.refusal));
  const auto& snapshot = created.snapshot;
  std::string text;
  const auto prefer = training ? std::nullopt : read_prefer(call.request);
  if (prefer) {
    response.set("preference-applied", prefer->applied);
    const auto ended = co_await api.predictions.wait(
        snapshot, domain::hold_time(*prefer, call.request.header("x-stainless-read-timeout")));
    if (ended && domain::is_terminal((*ended)->value.status)) {
      json::append_prediction(text, (*ended)->value, call.urls);
    } else {
      response.status = 202;
      json::append_prediction_as_created(text, snapshot->value, call.urls);
    }
  } else {
    json::append_prediction(text, snapshot->value, call.urls);
  }
  std::string location(call.urls.origin);
  location.append(call.urls.mount).append(training ? "/trainings/" : "/predictions/").append(snapshot->value.id);
  response.set("location", std::move(location));
  response.body = std::move(text);
  co_return response;
}

namespace {

/// A page of predictions or of trainings; `path` is that of the list.
async::Task<http::Response> list(const Api& api, Call& call, std::string_view path, bool trainings) {
  auto cursor = read_list_request(call.request);
  if (!cursor) co_return http::problem(400, cursor.error().message, "Bad request");
  ports::PredictionPage page;
  if (!cursor->web_only) {  // everything made here came through the API
    ports::PredictionQuery query;
    query.account = call.caller->key().account;
    query.trainings = trainings;
    query.created_after = cursor->created_after;
    query.created_before = cursor->created_before;
    (cursor->newer ? query.after_id : query.before_id) = cursor->id;
    query.limit = kPageSize;
    auto found = co_await api.predictions.list(std::move(query));
    if (!found && found.error().code == ErrorCode::not_found) {
      // The place of a cursor is a prediction of the account. Another's is as one that never was.
      co_return http::problem(400, "Invalid cursor", "Bad request");
    }
    if (!found) co_return error_response(found.error());
    page = std::move(*found);
  }

  // Towards newer, `more` speaks of what lies above this page; below it lies at least the page we came from.
  const bool has_next = cursor->newer ? !page.items.empty() : page.more;
  const bool has_previous = cursor->newer ? page.more : cursor->id.has_value() && !page.items.empty();
  std::string text = R"({"next":)";
  append_cursor_url(text, call.urls, path, *cursor, false, has_next ? page.items.back().id : std::string());
  text += R"(,"previous":)";
  append_cursor_url(text, call.urls, path, *cursor, true, has_previous ? page.items.front().id : std::string());
  text += R"(,"results":[)";
  for (std::size_t i = 0; i < page.items.size(); ++i) {
    if (i > 0) text += ',';
    json::append_prediction(text, page.items[i], call.urls);
  }
  text += "]}";
  http::Response response;
  response.body = std::move(text);
  co_return response;
}

}  // namespace

async::Task<http::Response> list_predictions(const Api& api, Call& call) {
  co_return co_await list(api, call, "/predictions", false);
}

async::Task<http::Response> list_trainings(const Api& api, Call& call) {
  co_return co_await list(api, call, "/trainings", true);
}

void add_prediction_routes(http::Router& router, const Api& api) {
  using service::RateClass;
  const http::RouteOptions create_options{.max_body = api.options.max_json_body};
  add_route(router, api, http::Method::post, "/predictions", RateClass::create, create_by_version, create_options);
  add_route(router, api, http::Method::post, "/models/{owner}/{name}/predictions", RateClass::create, create_by_model,
            create_options);
  add_route(router, api, http::Method::get, "/predictions", RateClass::other, list_predictions);
  add_route(router, api, http::Method::get, "/predictions/{id}", RateClass::read, get);
  add_route(router, api, http::Method::post, "/predictions/{id}/cancel", RateClass::other, cancel);
}

}  // namespace hekto::api
