// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/outputs.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/text.h"
#include "domain/data_url.h"
#include "domain/media_type.h"
#include "runners/replicate/answer.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLongestPause = 30s;
/// A download that falls below this for a minute is given up, and begun again.
constexpr std::size_t kMinRate = 1'000;
constexpr std::size_t kMaxName = 100;
/// A ring wakes whoever waits; this is for none at all.
constexpr Duration kUntilRung = 1h;

bool may_pass(int status) {
  // A part, or nothing, where the whole was asked for: the server is not at its best.
  if (status >= 200 && status < 300) return true;
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

std::unexpected<Error> stopped() { return fail(ErrorCode::canceled, "stopped"); }

bool is_data_url(std::string_view url) { return iequals(url.substr(0, 5), "data:"); }

/// As if it had been downloaded. invalid_input when it is no valid data: URL.
Result<ports::HttpReply> decode(const std::string& url, ports::BodySink& sink) {
  const auto data = domain::parse_data_url(url);
  if (!data) return fail(ErrorCode::invalid_input, "an output is no valid data URL");
  ports::HttpReply head{200, ""};
  head.headers = {{"content-type", data->content_type.empty() ? std::string(domain::guess_media_type("", data->bytes))
                                                              : data->content_type},
                  {"content-length", std::to_string(data->bytes.size())}};
  if (auto begun = sink.begin(head); !begun) return std::unexpected(begun.error());
  if (auto written = sink.write(data->bytes); !written) return std::unexpected(written.error());
  return head;
}

/// Of the bytes as they are passed on: what came packed has another length.
std::optional<std::uint64_t> announced_length(const ports::HttpReply& head) {
  const auto packed = head.header("content-encoding");
  const auto text = head.header("content-length");
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  if (!whole || !(packed.empty() || iequals(packed, "identity"))) return std::nullopt;
  return length;
}

}  // namespace

/// One file of an item.
struct Outputs::Fetch {
  std::string url;
  std::size_t index = 0;  // for its name, when the URL has none
  std::shared_ptr<ports::ArrivingFile> file;
  // The rest is guarded by the batch's mutex.
  std::string name;  // set by the first attempt of which anything came: a link that was shown stays
  std::string content_type;
  std::optional<std::uint64_t> length;
  std::optional<Result<domain::OutputFile>> outcome;
};

/// The files of some items, shared by the tasks that fetch them and the one that hands the items on.
struct Outputs::Batch {
  AccountPtr account;
  async::StopToken stop;
  std::deque<Fetch> files;
  async::Bell bell;  // something has changed
  std::mutex mutex;
  std::size_t next = 0;     // guarded by mutex: the first that nobody fetches yet
  std::size_t workers = 0;  // guarded by mutex

  /// The upstream begins to send it. Any thread.
  Result<void> begins(Fetch& fetch, const ports::HttpReply& head) {
    std::string type(head.header("content-type"));
    if (!domain::is_media_type(type)) type = domain::guess_media_type(output_name(fetch.url, fetch.index, ""), "");
    const auto length = announced_length(head);
    const auto most = account->upstream->options.max_output;
    if (length && *length > most) {
      return fail(ErrorCode::too_large, "it has more than " + std::to_string(most) + " bytes");
    }
    fetch.file->describe(type, length);
    {
      std::scoped_lock lock(mutex);
      if (fetch.name.empty()) fetch.name = output_name(fetch.url, fetch.index, type);
      fetch.content_type = std::move(type);
      fetch.length = length;
    }
    bell.ring();
    return {};
  }
  bool is_whole(Fetch& fetch) {
    std::scoped_lock lock(mutex);
    return !fetch.length || fetch.file->size() == *fetch.length;
  }
};

class Outputs::IntoFile final : public ports::BodySink {
 public:
  IntoFile(std::shared_ptr<Batch> batch, Fetch& fetch) : batch_(std::move(batch)), fetch_(fetch) {}
  Result<void> begin(const ports::HttpReply& head) override { return batch_->begins(fetch_, head); }
  Result<void> write(std::string_view piece) override { return fetch_.file->append(piece); }

 private:
  const std::shared_ptr<Batch> batch_;  // keeps fetch_
  Fetch& fetch_;
};

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

async::Task<Result<void>> Outputs::deliver(AccountPtr account, std::vector<StepItem> items, ports::RelaySink& sink,
                                           async::StopToken stop) {
  const auto batch = std::make_shared<Batch>();
  batch->account = std::move(account);
  for (auto& item : items) {
    for (std::size_t i = 0; i < item.files.size(); ++i) {
      auto& fetch = batch->files.emplace_back();
      fetch.url = std::move(item.files[i]);
      fetch.index = item.files.size() == 1 ? item.index : i;
      fetch.file = sink.receive();
    }
  }
  const async::StopCallback on_stop(stop, [all = batch->stop]() mutable { all.request_stop(); });
  const async::Executor executor = co_await boost::asio::this_coro::executor;
  for (std::size_t i = 0; i < std::min(limits_.per_prediction, batch->files.size()); ++i) {
    {
      std::scoped_lock lock(batch->mutex);
      ++batch->workers;
    }
    if (scope_.spawn(executor, work(batch))) continue;
    std::scoped_lock lock(batch->mutex);
    --batch->workers;
    batch->stop.request_stop();
  }
  auto handed = co_await hand_on(*batch, items, sink);
  batch->stop.request_stop();
  const auto working = [&] {
    std::scoped_lock lock(batch->mutex);
    return batch->workers > 0;
  };
  while (working()) co_await batch->bell.wait(kUntilRung);
  co_return handed;
}

async::Task<Result<void>> Outputs::hand_on(Batch& batch, std::vector<StepItem>& items, ports::RelaySink& sink) {
  std::vector<std::size_t> first_file;
  std::size_t files = 0;
  for (const auto& item : items) {
    first_file.push_back(files);
    files += item.files.size();
  }
  const auto each = [&](std::size_t item, auto&& ask) {
    std::scoped_lock lock(batch.mutex);
    for (std::size_t i = 0; i < items[item].files.size(); ++i) {
      if (!ask(batch.files[first_file[item] + i])) return false;
    }
    return true;
  };
  std::size_t shown = 0;
  for (std::size_t stored = 0; stored < items.size();) {
    auto& item = items[stored];
    Result<void> taken;
    std::vector<domain::OutputFile> whole;
    std::optional<Error> failed;
    const bool ended = each(stored, [&](const Fetch& fetch) {
      if (!fetch.outcome) return false;
      if (*fetch.outcome) {
        whole.push_back(**fetch.outcome);
      } else if (!failed) {
        failed = fetch.outcome->error();
      }
      return true;
    });
    if (ended) {
      if (failed) co_return std::unexpected(std::move(*failed));
      taken = item.files.empty()
                  ? co_await sink.output_json(item.index, item.list, std::move(item.json))
                  : co_await sink.output_stored(item.index, item.list, std::move(item.json), std::move(whole));
      shown = std::max(shown, ++stored);
    } else {
      std::vector<ports::Arriving> begun;
      const bool all = shown < items.size() && !items[shown].files.empty() &&
                       each(
                           shown,
                           [&](const Fetch& fetch) {
                             if (!fetch.name.empty())
                               begun.push_back({fetch.name, fetch.content_type, fetch.length, fetch.file});
                             return !fetch.name.empty();
                           });
      if (all) {
        const auto& next = items[shown++];
        taken = co_await sink.output_arriving(next.index, next.list, next.json, std::move(begun));
      } else if (batch.stop.stop_requested()) {
        co_return stopped();  // files that nobody began to fetch come to no end
      } else {
        co_await batch.bell.wait(kUntilRung);
      }
    }
    if (!taken) co_return taken;
  }
  co_return Result<void>{};
}

async::Task<void> Outputs::work(std::shared_ptr<Batch> batch) {
  const auto next = [&]() -> Fetch* {
    std::scoped_lock lock(batch->mutex);
    return batch->next < batch->files.size() ? &batch->files[batch->next++] : nullptr;
  };
  while (!batch->stop.stop_requested()) {
    Fetch* const file = next();
    if (file == nullptr) break;
    auto outcome = co_await fetch(batch, *file);
    {
      std::scoped_lock lock(batch->mutex);
      file->outcome = std::move(outcome);
    }
    batch->bell.ring();
  }
  {
    std::scoped_lock lock(batch->mutex);
    --batch->workers;
  }
  batch->bell.ring();
}

/// One of the files that may be on their way at once.
class Outputs::Turn {
 public:
  explicit Turn(Outputs& of) : of_(of) {}
  ~Turn() { of_.end_turn(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Outputs& of_;
};

async::Task<bool> Outputs::take_turn(async::StopToken stop) {
  const auto bell = std::make_shared<async::Bell>();
  {
    std::scoped_lock lock(mutex_);
    if (under_way_ < limits_.at_once) {
      ++under_way_;
      co_return true;
    }
    waiting_.push_back(bell);
  }
  const async::StopCallback on_stop(stop, [bell] { bell->ring(); });
  for (;;) {
    co_await bell->wait(kUntilRung);
    std::scoped_lock lock(mutex_);
    const auto place = std::ranges::find(waiting_, bell);
    if (place == waiting_.end()) co_return true;
    if (!stop.stop_requested()) continue;
    waiting_.erase(place);
    co_return false;
  }
}

/// The turn goes to whoever has waited longest.
void Outputs::end_turn() {
  std::scoped_lock lock(mutex_);
  if (waiting_.empty()) {
    --under_way_;
    return;
  }
  waiting_.front()->ring();
  waiting_.pop_front();
}

async::Task<Result<domain::OutputFile>> Outputs::fetch(std::shared_ptr<Batch> batch, Fetch& file) {
  const auto began = std::chrono::steady_clock::now();
  Duration pause = limits_.first_pause;
  Duration refused_pause = limits_.refused_pause;
  for (int refusals = 0;;) {
    auto reply = co_await request(batch, file);
    const bool came = reply && reply->status == 200;
    if (came && batch->is_whole(file)) {
      auto key = co_await file.file->finish();
      if (!key) co_return std::unexpected(key.error());
      std::scoped_lock lock(batch->mutex);
      co_return domain::OutputFile{file.name, file.content_type, file.file->size(), std::move(key->sha256)};
    }
    file.file->broke();
    const bool refused = reply && !may_pass(reply->status);
    if (!reply) {
      const auto code = reply.error().code;
      if (code == ErrorCode::canceled || code == ErrorCode::storage || code == ErrorCode::too_large) {
        co_return std::unexpected(reply.error());
      }
      if (code == ErrorCode::invalid_input || code == ErrorCode::forbidden) {
        co_return fail(ErrorCode::not_found, "an output file lies where it must not be fetched");
      }
    } else if (refused && ++refusals >= limits_.refusals) {
      co_return fail(ErrorCode::not_found, "an output file answered " + std::to_string(reply->status));
    }
    if (std::chrono::steady_clock::now() - began >= limits_.patience) {
      co_return fail(ErrorCode::not_found, "an output file could not be fetched in time");
    }
    const auto asked = reply ? retry_after(*reply) : Duration{};
    const auto wait = std::max(refused ? refused_pause : pause, std::min(asked, kLongestPause));
    if (!co_await batch->stop.sleep_for(wait)) co_return stopped();
    auto& next = refused ? refused_pause : pause;
    next = std::min(next * (refused ? 4 : 2), kLongestPause);
  }
}

async::Task<Result<ports::HttpReply>> Outputs::request(std::shared_ptr<Batch> batch, Fetch& file) {
  if (!co_await take_turn(batch->stop)) co_return stopped();
  const Turn turn(*this);
  if (auto begun = co_await file.file->begin(); !begun) co_return std::unexpected(begun.error());
  const auto sink = std::make_shared<IntoFile>(batch, file);
  if (is_data_url(file.url)) co_return decode(file.url, *sink);
  const auto& account = *batch->account;
  ports::HttpRequest request;
  request.url = file.url;
  if (origin_of(file.url) == origin_of(account.upstream->options.url)) {
    request.headers.emplace_back("Authorization", "Bearer " + account.options.token.reveal());
  }
  request.limit = limits_.patience;
  request.connect_limit = 15s;
  request.min_rate = kMinRate;
  request.slow_after = 60s;
  request.max_reply = account.upstream->options.max_output;
  request.sink = sink;
  request.stop = batch->stop;
  co_return co_await downloads_.send(std::move(request));
}

}  // namespace hekto::runners::replicate
