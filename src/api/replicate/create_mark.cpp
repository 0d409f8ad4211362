// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/create_mark.h"

#include "domain/prefer.h"

namespace hekto::api {
namespace {

Result<std::optional<domain::CreateMark>> read_mark(const Api& api, const http::Request& request, std::string_view path,
                                                    const service::KeyEntry& caller) {
  const std::string_view key = request.header("idempotency-key");
  const bool by_key = key.data() != nullptr;
  const auto retry = by_key ? std::nullopt : domain::parse_retry_count(request.header("x-stainless-retry-count"));
  if (!by_key && !retry) return std::nullopt;

  const domain::MarkOwner owner{caller.key().account, caller.key().test};
  // Of the headers, those that say what is made; Prefer is about the answer. A line break is in neither.
  std::string headers(request.header("cancel-after"));
  headers.append("\n").append(request.header("hekto-sandbox"));
  auto fingerprint = domain::request_fingerprint(path, headers, request.body);
  const Time now = api.clock.now();
  if (by_key) {
    auto mark = domain::mark_by_key(owner, key, std::move(fingerprint), now + api.options.idempotency_lifetime);
    if (!mark) return std::unexpected(mark.error());
    return std::move(*mark);
  }
  const auto patience = domain::parse_read_timeout(request.header("x-stainless-read-timeout"));
  return domain::mark_by_retry(owner, *retry, std::move(fingerprint), now + domain::retry_window(patience));
}

}  // namespace

Result<std::optional<domain::CreateMark>> read_create_mark(const Api& api, const Call& call) {
  return read_mark(api, call.request, call.path, *call.caller);
}

void note_refused_create(const Api& api, const http::Request& request, std::string_view path) {
  if (!request.has_header("x-stainless-retry-count")) return;
  const auto caller = api.keys.authenticate(request.header("authorization"), api.clock.now());
  if (!caller) return;
  const auto mark = read_mark(api, request, path, **caller);
  if (mark && *mark) api.predictions.note_refused(**mark);
}

http::Response key_reused() {
  return http::problem(422, "This Idempotency-Key was used before, for another request. A new request needs a new key.",
                       "Idempotency key reused");
}

}  // namespace hekto::api
