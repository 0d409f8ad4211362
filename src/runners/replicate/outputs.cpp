// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/outputs.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "domain/data_url.h"
#include "domain/media_type.h"
#include "runners/replicate/answer.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstPause = 250ms;
constexpr Duration kLongestPause = 30s;
/// So often a server may say that the file is not there (or not for us) before it is believed.
constexpr int kMaxRefusals = 3;
/// A download that falls below this for a minute is given up, and begun again.
constexpr std::size_t kMinRate = 1'000;
constexpr std::size_t kMaxName = 100;

class IntoFile final : public ports::BodySink {
 public:
  explicit IntoFile(std::shared_ptr<ports::IncomingFile> file) : file_(std::move(file)) {}
  Result<void> write(std::string_view piece) override { return file_->append(piece); }

 private:
  const std::shared_ptr<ports::IncomingFile> file_;
};

bool may_pass(int status) { return status == 408 || status == 425 || status == 429 || status >= 500; }

async::Task<Result<domain::OutputFile>> finish(std::shared_ptr<ports::IncomingFile> file, std::string name,
                                               std::string content_type) {
  auto key = co_await file->finish();
  if (!key) co_return std::unexpected(key.error());
  co_return domain::OutputFile{std::move(name), std::move(content_type), file->size(), std::move(key->sha256)};
}

async::Task<Result<domain::OutputFile>> decode(std::string url, std::size_t index, ports::RelaySink& sink) {
  auto data = domain::parse_data_url(url);
  if (!data) co_return fail(ErrorCode::not_found, "an output is no valid data URL");
  auto file = co_await sink.receive();
  if (!file) co_return std::unexpected(file.error());
  if (auto written = (*file)->append(data->bytes); !written) co_return std::unexpected(written.error());
  auto type = data->content_type.empty() ? std::string(domain::guess_media_type("", data->bytes)) : data->content_type;
  auto name = output_name("", index, type);
  co_return co_await finish(std::move(*file), std::move(name), std::move(type));
}

}  // namespace

std::string output_name(std::string_view url, std::size_t index, std::string_view content_type) {
  auto path = url.substr(0, url.find_first_of("?#"));
  const auto scheme = path.find("://");
  const auto slash = path.rfind('/');
  std::string name;
  if (scheme != std::string_view::npos && slash != std::string_view::npos && slash > scheme + 2) {
    name = percent_decode(path.substr(slash + 1), false).value_or("");
  }
  std::erase_if(name, [](char c) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return !plain && c != '.' && c != '_' && c != '-';
  });
  name.erase(0, std::min(name.find_first_not_of('.'), name.size()));
  if (name.size() > kMaxName) name.erase(0, name.size() - kMaxName);
  if (!name.empty()) return name;
  return "out-" + std::to_string(index) + std::string(domain::ending_of(content_type));
}

async::Task<Result<domain::OutputFile>> fetch_output(ports::HttpClient& downloads, AccountPtr account, std::string url,
                                                     std::size_t index, ports::RelaySink& sink, Duration patience,
                                                     async::StopToken stop) {
  if (iequals(std::string_view(url).substr(0, 5), "data:")) co_return co_await decode(std::move(url), index, sink);
  const auto& options = account->upstream->options;
  Duration pause = kFirstPause;
  Duration waited{};
  for (int refusals = 0;;) {
    auto file = co_await sink.receive();
    if (!file) co_return std::unexpected(file.error());
    ports::HttpRequest request;
    request.url = url;
    if (origin_of(url) == origin_of(options.url)) {
      request.headers.emplace_back("Authorization", "Bearer " + account->options.token.reveal());
    }
    request.limit = 10min;
    request.connect_limit = 15s;
    request.min_rate = kMinRate;
    request.slow_after = 60s;
    request.max_reply = options.max_output;
    request.sink = std::make_shared<IntoFile>(*file);
    request.stop = stop;
    auto reply = co_await downloads.send(std::move(request));
    if (reply && reply->status == 200) {
      std::string type(reply->header("content-type"));
      if (type.empty()) type = domain::guess_media_type(output_name(url, index, ""), "");
      auto name = output_name(url, index, type);
      co_return co_await finish(std::move(*file), std::move(name), std::move(type));
    }
    if (!reply) {
      const auto code = reply.error().code;
      if (code == ErrorCode::canceled || code == ErrorCode::storage || code == ErrorCode::too_large) {
        co_return std::unexpected(reply.error());
      }
      if (code == ErrorCode::invalid_input || code == ErrorCode::forbidden) {
        co_return fail(ErrorCode::not_found, "an output file lies where it must not be fetched");
      }
    } else if (!may_pass(reply->status) && ++refusals >= kMaxRefusals) {
      co_return fail(ErrorCode::not_found, "an output file answered " + std::to_string(reply->status));
    }
    if (waited >= patience) co_return fail(ErrorCode::not_found, "an output file could not be fetched in time");
    const auto asked = reply ? retry_after(*reply) : Duration{};
    const auto wait = std::clamp(std::max(pause, asked), kFirstPause, kLongestPause);
    if (!co_await stop.sleep_for(wait)) co_return fail(ErrorCode::canceled, "stopped");
    waited += wait;
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace hekto::runners::replicate
