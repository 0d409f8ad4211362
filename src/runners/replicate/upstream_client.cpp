// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/upstream_client.h"

#include "base/encoding.h"
#include "runners/replicate/answer.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {

async::Task<Result<ports::HttpReply>> UpstreamClient::send(AccountPtr account, ports::HttpRequest request,
                                                           std::string path) {
  const auto& base = account->upstream->options.url;
  if (path.starts_with('/')) {
    request.url = base + path;
  } else if (origin_of(path) == origin_of(base)) {
    request.url = std::move(path);
  } else {
    co_return fail(ErrorCode::forbidden, "the URL does not lie at the upstream");
  }
  request.headers.emplace_back("Authorization", "Bearer " + account->options.token.reveal());
  co_return co_await http_.send(std::move(request));
}

async::Task<Result<ports::HttpReply>> UpstreamClient::get(AccountPtr account, std::string path, async::StopToken stop,
                                                          std::size_t max_reply) {
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
  std::string path = std::move(cursor);
  if (path.empty()) {
    path = std::string(trainings ? "/v1/trainings" : "/v1/predictions") +
           "?created_after=" + percent_encode(format_time(from)) + "&created_before=" + percent_encode(format_time(to));
  }
  auto reply = co_await get(std::move(account), std::move(path), stop);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->status != 200 || reply->truncated) {
    co_return fail(ErrorCode::unavailable, "the upstream's list answered " + std::to_string(reply->status));
  }
  co_return parse_page(reply->body);
}

}  // namespace hekto::runners::replicate
