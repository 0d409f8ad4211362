// SPDX-License-Identifier: Apache-2.0
#include "cli/api_client.h"

#include <utility>

#include "cli/terminal.h"
#include "json/value_json.h"

namespace hekto::cli {
namespace {

using domain::Value;

ErrorCode code_of(int status) {
  switch (status) {
    case 400:
    case 422:
      return ErrorCode::invalid_input;
    case 401:
      return ErrorCode::unauthenticated;
    case 402:
    case 403:
      return ErrorCode::forbidden;
    case 404:
      return ErrorCode::not_found;
    case 409:
      return ErrorCode::conflict;
    case 413:
      return ErrorCode::too_large;
    case 429:
      return ErrorCode::rate_limited;
    default:
      return status >= 500 ? ErrorCode::unavailable : ErrorCode::upstream;
  }
}

}  // namespace

Error describe_refusal(int status, std::string_view body) {
  const auto number = " (HTTP " + std::to_string(status) + ")";
  const auto problem = json::parse(body);
  const auto title = problem ? problem->text_of("title") : std::string_view{};
  const auto detail = problem ? problem->text_of("detail") : std::string_view{};
  const Value* fields = problem ? problem->find("invalid_fields") : nullptr;
  std::string text;
  if (fields != nullptr && fields->as_array() != nullptr && !fields->as_array()->empty()) {
    text = std::string(title.empty() ? "the input is not valid" : title) + number;
    for (const auto& field : *fields->as_array()) {
      const auto name = field.text_of("field");
      text += "\n  " + std::string(name) + (name.empty() ? "" : ": ") + std::string(field.text_of("description"));
    }
  } else if (!detail.empty() || !title.empty()) {
    text = std::string(detail.empty() ? title : detail) + number;
  } else {
    text = "the server answered with an error" + number;
  }
  if (status == 401) text += "\nCheck the key in --key or HEKTO_KEY.";
  return {code_of(status), printable(text)};
}

ApiClient::ApiClient(Transport& transport, std::string root, Secret key)
    : transport_(transport), root_(std::move(root)), key_(std::move(key)) {}

Result<Value> ApiClient::call(const char* method, const std::string& path, const std::string& body) {
  HttpRequest request{.method = method, .url = root_ + "/v1" + path};
  request.headers = {{"Authorization", "Bearer " + key_.reveal()},
                     {"Accept", "application/json"},
                     {"User-Agent", "hekto-run/" HEKTO_VERSION}};
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = body;
  retry_after_.reset();
  auto reply = transport_.send(request);
  if (!reply) return std::unexpected(std::move(reply.error()));
  retry_after_ = reply->retry_after;
  if (reply->status < 200 || reply->status > 299) {
    return std::unexpected(describe_refusal(reply->status, reply->body));
  }
  auto value = json::parse(reply->body);
  if (!value) {
    return fail(ErrorCode::upstream, "the answer of " + request.url + " is no JSON; is the address right?");
  }
  return value;
}

Result<Value> ApiClient::schema(const ModelRef& model) {
  const auto path = "/models/" + model.owner + "/" + model.name;
  auto answer = call("GET", model.version.empty() ? path : path + "/versions/" + model.version);
  if (!answer) return answer;
  const Value* version = model.version.empty() ? answer->find("latest_version") : &*answer;
  const Value* schema = version != nullptr ? version->find("openapi_schema") : nullptr;
  return schema != nullptr ? *schema : Value();
}

Result<Value> ApiClient::create(const ModelRef& model, const Value& input) {
  if (model.version.empty()) {
    return call("POST", "/models/" + model.owner + "/" + model.name + "/predictions",
                json::dump(Value::Object{{"input", input}}));
  }
  const auto version = model.owner + "/" + model.name + ":" + model.version;
  return call("POST", "/predictions", json::dump(Value::Object{{"version", version}, {"input", input}}));
}

Result<Value> ApiClient::prediction(const std::string& id) { return call("GET", "/predictions/" + id); }

Result<Value> ApiClient::cancel(const std::string& id) { return call("POST", "/predictions/" + id + "/cancel"); }

Result<void> ApiClient::stream(const std::string& url, const std::string& last_event_id,
                               std::function<bool(std::string_view)> sink, std::function<bool()> should_stop) {
  HttpRequest request{.method = "GET", .url = url};
  request.headers = {{"Accept", "text/event-stream"}, {"Cache-Control", "no-store"}};
  if (!last_event_id.empty()) request.headers.emplace_back("Last-Event-ID", last_event_id);
  request.sink = std::move(sink);
  request.should_stop = std::move(should_stop);
  request.limit = std::chrono::seconds(0);
  const auto reply = transport_.send(request);
  if (!reply) return std::unexpected(reply.error());
  if (reply->status != 200) return std::unexpected(describe_refusal(reply->status, reply->body));
  return {};
}

Result<void> ApiClient::download(const std::string& url, std::function<bool(std::string_view)> sink,
                                 std::function<bool()> should_stop) {
  HttpRequest request{.method = "GET", .url = url};
  request.follow_redirects = true;
  request.sink = std::move(sink);
  request.should_stop = std::move(should_stop);
  request.limit = std::chrono::seconds(0);
  const auto reply = transport_.send(request);
  if (!reply) return std::unexpected(reply.error());
  if (reply->status < 200 || reply->status > 299) {
    return std::unexpected(describe_refusal(reply->status, reply->body));
  }
  return {};
}

}  // namespace hekto::cli
