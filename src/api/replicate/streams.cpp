// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "api/api.h"
#include "api/problem.h"
#include "api/replicate/sse.h"
#include "async/stop.h"
#include "base/json_text.h"
#include "base/text.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

/// Below the shortest read timeout of the clients (30 s).
constexpr Duration kKeepAlive = std::chrono::seconds(5);
/// How often an idle stream asks whether the server drains: sooner than connections are given up that do not end.
constexpr Duration kDrainCheck = std::chrono::seconds(1);
/// How long the connection stays after the last event. The Go client takes an end that comes together with `done` for a
/// broken stream, and reports an error though it has everything; most clients close first.
constexpr Duration kLinger = std::chrono::milliseconds(250);

/// Bytes of events that are made at once. A reader that is slower than the work holds this much, and one event.
constexpr std::size_t kPiece = 64 << 10;

std::string item_text(const domain::Prediction& p, std::size_t index, const json::UrlContext& urls) {
  std::string text = json::output_item_json(p, index, urls);
  const auto value = json::parse(text);
  return value && value->as_string() != nullptr ? *value->as_string() : text;
}

enum class Left {
  more,     ///< there are events that did not fit
  nothing,  ///< that was all so far
  end,      ///< that was all
};

/// Events of `p` from `next` on, up to kPiece bytes and the event that passes them, and the end when it is terminal.
Left append_events(std::string& out, const domain::Prediction& p, std::size_t& next, const json::UrlContext& urls) {
  const std::int64_t seconds = to_micros(p.created_at) / 1'000'000;
  for (; next < p.output.items.size(); ++next) {
    if (out.size() >= kPiece) return Left::more;
    append_sse(out, "output", seconds, next, item_text(p, next, urls));
  }
  if (!domain::is_terminal(p.status)) return Left::nothing;
  // The last ids follow from the number of items, so that they are the same for whoever comes back.
  const std::size_t last = p.output.items.size();
  std::string reason = "{}";
  if (p.status == domain::Status::failed) {
    std::string detail = R"({"detail":)";
    append_json_string(detail, p.error.value_or(""));
    detail += '}';
    if (next <= last) append_sse(out, "error", seconds, last, detail);
    reason = R"({"reason":"error"})";
  } else if (p.status != domain::Status::succeeded) {
    reason = R"({"reason":"canceled"})";
  }
  append_sse(out, "done", seconds, last + 1, reason);
  return Left::end;
}

/// One reader of one prediction. What it has not taken yet is read again from the prediction: while it is slow it costs
/// a coroutine and one piece, never a state of the prediction, and never holds the work back. When it takes nothing at
/// all for limits.write_timeout, write() gives it up; the id of the last event that it has leads it back.
async::Task<void> send_events(const Api& api, std::string id, std::size_t next, std::string origin, std::string mount,
                              http::BodyWriter& writer) {
  const json::UrlContext urls{origin, mount, &api.signer};
  const async::Executor executor = co_await boost::asio::this_coro::executor;
  const auto subscription = api.predictions.bus().subscribe(id, executor);
  for (;;) {
    std::string out;
    Left left = Left::nothing;
    if (const auto now = co_await api.predictions.get_unchecked(id); !now || (*now)->value.data_removed) {
      co_return;  // without `done`: what was not sent is gone
    } else {
      left = append_events(out, (*now)->value, next, urls);
    }
    if (!out.empty() && !co_await writer.write(out)) co_return;
    if (writer.draining()) co_return;
    if (left == Left::more) continue;
    if (left == Left::end) {
      co_await async::StopToken().sleep_for(kLinger);
      co_return;
    }
    for (Duration idle{}; !co_await subscription->wait(kDrainCheck);) {
      if (writer.draining()) co_return;
      idle += kDrainCheck;
      if (idle < kKeepAlive) continue;
      if (!co_await writer.write(": keep-alive\n")) co_return;
      break;  // a hint may have been lost: look again
    }
  }
}

}  // namespace

async::Task<http::Response> stream_events(const Api& api, http::Request& request, const json::UrlContext& urls) {
  const auto link = api.signer.verify(request.params[0]);
  if (!link || link->kind == domain::LinkKind::delivery) co_return not_found();
  const auto found = co_await api.predictions.get_unchecked(link->prediction_id);
  if (!found || (*found)->value.data_removed) co_return not_found();

  const std::size_t next = next_after(request.header("last-event-id"), (*found)->value);
  http::Response response;
  response.content_type = "text/event-stream";
  response.compressible = false;
  response.set("cache-control", "no-store");
  response.set("x-accel-buffering", "no");
  // With credentials browsers refuse "*", so the origin is echoed; the URL itself is the authorisation.
  if (const auto origin = request.header("origin"); !origin.empty()) {
    response.set("access-control-allow-origin", std::string(origin));
    response.set("access-control-allow-credentials", "true");
    response.set("vary", "Origin");
  }
  response.body = http::StreamBody{[&api, id = (*found)->value.id, next, origin = std::string(urls.origin),
                                    mount = std::string(urls.mount)](http::BodyWriter& writer) {
    return send_events(api, id, next, origin, mount, writer);
  }};
  co_return response;
}

void add_stream_routes(http::Router& router, const Api& api) {
  add_open_route(router, api, http::Method::get, "/streams/{token}", stream_events);
}

}  // namespace hekto::api
