// SPDX-License-Identifier: Apache-2.0
#include "service/input_fetcher.h"

#include <algorithm>

#include "base/text.h"
#include "domain/http_url.h"
#include "domain/media_type.h"
#include "domain/remote_name.h"

namespace hekto::service {
namespace {

constexpr Duration kConnectLimit = std::chrono::seconds(10);
constexpr std::size_t kMinRate = 1 << 10;  // bytes a second
constexpr std::size_t kLookedAt = 4096;    // bytes that tell a type

class ScratchSink final : public ports::BodySink {
 public:
  explicit ScratchSink(std::shared_ptr<ports::ScratchFile> file) : file_(std::move(file)) {}
  Result<void> write(std::string_view piece) override { return file_->append(piece); }

 private:
  const std::shared_ptr<ports::ScratchFile> file_;
};

std::unexpected<Error> unfetched(std::string_view why) { return fail(ErrorCode::invalid_input, std::string(why)); }

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Whether asking once more may help.
bool may_pass(const Result<ports::HttpReply>& reply) {
  if (reply) return reply->status == 408 || reply->status == 429 || reply->status >= 500;
  const auto code = reply.error().code;
  return code == ErrorCode::unavailable || code == ErrorCode::timeout || code == ErrorCode::upstream;
}

/// Types that say nothing, which servers send when they do not know.
bool says_nothing(std::string_view type) {
  const auto essence = trim(type.substr(0, type.find(';')));
  return !domain::is_media_type(type) || iequals(essence, "application/octet-stream") ||
         iequals(essence, "binary/octet-stream") || iequals(essence, "application/x-download");
}

}  // namespace

struct InputFetcher::Attempt {
  std::string url;
  std::size_t max_bytes = 0;
  async::StopToken stop;
};

InputFetcher::InputFetcher(ports::HttpClient& http, ports::Scratch& scratch, const ports::Clock& clock,
                           FetchOptions options)
    : http_(http), scratch_(scratch), clock_(clock), options_(options), slots_(options.at_once, options.per_host) {}

async::Task<Result<FetchedFile>> InputFetcher::fetch(std::string url, std::size_t max_bytes, async::StopToken stop) {
  const Attempt given{std::move(url), max_bytes, std::move(stop)};
  Duration left = options_.limit;
  Duration pause = options_.first_pause;
  for (int tried = 1;; ++tried) {
    bool passing = false;
    auto fetched = co_await attempt(given, left, passing);
    if (!passing || tried == kFetchAttempts || left <= pause) co_return fetched;
    left -= pause;
    if (!co_await given.stop.sleep_for(pause)) co_return fail(ErrorCode::canceled, "stopped between two attempts");
    pause *= 2;
  }
}

/// The URL and where it redirects to. `passing`: it failed in a way that may pass.
async::Task<Result<FetchedFile>> InputFetcher::attempt(const Attempt& given, Duration& left, bool& passing) {
  auto url = domain::parse_http_url(given.url);
  if (!url) co_return unfetched("it is no http or https URL that can be fetched");
  auto file = co_await scratch_.make();
  if (!file) co_return std::unexpected(file.error());

  for (int redirects = 0;; ++redirects) {
    const auto reply = co_await exchange(url->request, url->origin, given, std::make_shared<ScratchSink>(*file), left);
    passing = may_pass(reply);
    if (!reply) {
      const auto code = reply.error().code;
      if (code == ErrorCode::canceled || code == ErrorCode::storage) co_return std::unexpected(reply.error());
      co_return unfetched(reply.error().message);
    }
    if (is_redirect(reply->status)) {
      if (redirects == kFetchRedirects) {
        co_return unfetched("it redirects more than " + std::to_string(kFetchRedirects) + " times");
      }
      const bool secure = url->origin.starts_with("https:");
      url = domain::parse_http_url(reply->redirect);
      if (!url) co_return unfetched("it redirects to what is no http or https URL");
      if (secure && !url->origin.starts_with("https:")) co_return unfetched("it redirects from https to http");
      continue;
    }
    if (reply->status != 200) co_return unfetched("the server answered " + std::to_string(reply->status));

    FetchedFile fetched;
    fetched.name = domain::remote_file_name(reply->header("content-disposition"), given.url);
    fetched.content_type = reply->header("content-type");
    fetched.content = std::move(*file);
    if (says_nothing(fetched.content_type)) {
      const auto beginning = co_await fetched.content->read(0, kLookedAt);
      if (!beginning) co_return std::unexpected(beginning.error());
      fetched.content_type = domain::guess_media_type(fetched.name, *beginning);
    }
    co_return fetched;
  }
}

/// One request, which takes its time off `left`.
async::Task<Result<ports::HttpReply>> InputFetcher::exchange(std::string url, const std::string& origin,
                                                             const Attempt& given,
                                                             std::shared_ptr<ports::BodySink> sink, Duration& left) {
  const auto slot = co_await slots_.take(origin, given.stop);
  if (!slot) co_return std::unexpected(slot.error());
  ports::HttpRequest request;
  request.url = std::move(url);
  request.limit = std::max<Duration>(left, std::chrono::milliseconds(1));
  request.connect_limit = std::min(kConnectLimit, request.limit);
  request.min_rate = kMinRate;
  request.max_reply = given.max_bytes;
  request.sink = std::move(sink);
  request.stop = given.stop;
  const Time before = clock_.now();
  auto reply = co_await http_.send(std::move(request));
  left -= std::max(clock_.now() - before, Duration{});
  co_return reply;
}

}  // namespace hekto::service
