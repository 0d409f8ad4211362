// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/upstream_client.h"

#include "base/encoding.h"
#include "runners/replicate/answer.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

enum class Kind : std::uint8_t { create, single, other };

/// The official service has an allowance for each of them.
Kind kind_of(std::string_view method, std::string_view path) {
  if (method == "POST" && (path.ends_with("/predictions") || path.ends_with("/trainings"))) return Kind::create;
  return method == "GET" && path.starts_with("/v1/predictions/") ? Kind::single : Kind::other;
}

}  // namespace

async::Task<Result<ports::HttpReply>> UpstreamClient::send(AccountPtr account, ports::HttpRequest request,
                                                           std::string path) {
  const auto& base = account->upstream->options.url;
  const auto kind = kind_of(request.method, path);
  if (path.starts_with('/')) {
    request.url = base + path;
  } else if (origin_of(path) == origin_of(base)) {
    request.url = std::move(path);
  } else {
    co_return fail(ErrorCode::forbidden, "the URL does not lie at the upstream");
  }
  request.headers.emplace_back("Authorization", "Bearer " + account->options.token.reveal());
  if (kind == Kind::create) co_return co_await http_.send(std::move(request));
  const auto number = kind == Kind::other ? pool_.begin_other(account) : 0;
  auto reply = co_await http_.send(std::move(request));
  if (kind == Kind::other) pool_.end_other(account, number, reply ? limit_left(*reply) : std::nullopt);
  const bool given_up = !reply && reply.error().code == ErrorCode::canceled;
  if (!given_up) pool_.note_asked(account, reply && reply->status < 500);
  co_return reply;
}

async::Task<Result<ports::HttpReply>> UpstreamClient::get(AccountPtr account, std::string path, async::StopToken stop,
                                                          std::size_t max_reply) {
  if (!pool_.may_ask(account)) co_return fail(ErrorCode::unavailable, "the upstream does not answer at present");
  if (auto taken = co_await pool_.take_other(account, stop); !taken) co_return std::unexpected(taken.error());
  ports::HttpRequest request;
  request.limit = std::chrono::seconds(20);
  request.max_reply = max_reply;
  request.stop = stop;
  request.reuse = true;
  auto reply = co_await send(account, std::move(request), std::move(path));
  if (reply && reply->status == 429) pool_.throttle_others(account, retry_after(*reply));
  co_return reply;
}

async::Task<Result<SnapshotPage>> UpstreamClient::list(AccountPtr account, bool trainings, Time from, Time to,
                                                       std::string cursor, async::StopToken stop) {
  std::string path = trainings ? "/v1/trainings" : "/v1/predictions";
  if (cursor.empty()) {
    path +=
        "?created_after=" + percent_encode(format_time(from)) + "&created_before=" + percent_encode(format_time(to));
  } else if (const auto query = cursor.find('?'); query != std::string::npos) {
    // Only the query counts: behind a proxy an upstream may not know by which address it is called.
    path += cursor.substr(query);
  } else {
    co_return fail(ErrorCode::unavailable, "the upstream's list says not how it goes on");
  }
  auto reply = co_await get(std::move(account), std::move(path), stop);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->status != 200 || reply->truncated) {
    co_return fail(ErrorCode::unavailable, "the upstream's list answered " + std::to_string(reply->status));
  }
  co_return parse_page(reply->body);
}

}  // namespace hekto::runners::replicate
