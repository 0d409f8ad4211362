// SPDX-License-Identifier: Apache-2.0
#include "service/dispatcher.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "json/value_json.h"
#include "service/run_sink.h"

namespace hekto::service {
namespace {

/// Between two attempts in one process: what interrupted the first, such as a full disk, needs a moment to pass.
constexpr Duration kRetryDelay = std::chrono::seconds(1);
constexpr std::string_view kTimeLimitError = "Prediction timed out: it ran longer than this server allows";

/// Ends a run that is over its time; it ends itself when the run did.
async::Task<void> enforce_time_limit(Duration limit, async::StopToken run_ended, async::StopToken run,
                                     std::shared_ptr<std::atomic<bool>> timed_out) {
  if (!co_await run_ended.sleep_for(limit)) co_return;
  *timed_out = true;
  run.request_stop();
}

}  // namespace

Dispatcher::Dispatcher(async::IoThreads& io, ports::Store& store, ports::FileStore& files, ports::EventBus& bus,
                       const ports::Clock& clock, Versions& versions, ports::Runner& runner, Recent& recent,
                       DispatchOptions options)
    : io_(io),
      store_(store),
      files_(files),
      bus_(bus),
      clock_(clock),
      versions_(versions),
      runner_(runner),
      recent_(recent),
      options_(options) {}

Dispatcher::~Dispatcher() { stop_blocking(Duration{}); }

void Dispatcher::enqueue(std::string id) {
  {
    std::scoped_lock lock(mutex_);
    if (stopping_) return;
    queue_.push_back(std::move(id));
  }
  pump();
}

void Dispatcher::interrupt(std::string_view id) {
  std::optional<async::StopToken> stop;
  {
    std::scoped_lock lock(mutex_);
    if (const auto it = running_.find(id); it != running_.end()) stop = it->second;
  }
  if (stop) stop->request_stop();
}

void Dispatcher::pump() {
  for (;;) {
    std::string id;
    {
      std::scoped_lock lock(mutex_);
      if (stopping_ || queue_.empty() || running_.size() >= options_.concurrency) return;
      id = std::move(queue_.front());
      queue_.pop_front();
      if (!running_.emplace(id, async::StopToken()).second) continue;  // queued twice: one run is under way
    }
    scope_.spawn(io_.next(), run_one(std::move(id)));
  }
}

async::Task<void> Dispatcher::run_one(std::string id) {
  async::StopToken stop;
  {
    std::scoped_lock lock(mutex_);
    stop = running_.at(id);
  }
  bool again = false;
  auto claimed = co_await store_.claim(id, clock_.now());
  if (claimed) {
    again = co_await run_claimed(std::move(*claimed), stop);
  } else if (claimed.error().code != ErrorCode::conflict && claimed.error().code != ErrorCode::not_found) {
    log::error("prediction could not be claimed", {{"prediction", id}, {"error", claimed.error().message}});
  }
  if (again) again = co_await scope_.stop().sleep_for(kRetryDelay);
  {
    std::scoped_lock lock(mutex_);
    running_.erase(id);
  }
  if (again) {
    enqueue(std::move(id));
  } else {
    pump();
  }
}

async::Task<bool> Dispatcher::run_claimed(domain::Prediction claimed, async::StopToken stop) {
  publish(claimed);
  RunSink sink(store_, files_, clock_, claimed, options_.commit_every,
               [this](const domain::Prediction& p) { publish(p); });
  auto input = json::parse(claimed.input);
  if (claimed.attempts > domain::kMaxAttempts) {
    co_await sink.finish(domain::Failed{std::string(domain::kInterruptedError), ""});
    log::warn("prediction given up after repeated interruptions", {{"prediction", claimed.id}});
    co_return false;
  }
  const auto offer = co_await versions_.find_accepted(claimed.version);
  if (!offer && offer.error().code != ErrorCode::not_found) {
    log::error("version could not be read", {{"prediction", claimed.id}, {"error", offer.error().message}});
    co_return !stop.stop_requested();
  }
  if (!offer || !input || (claimed.training && !offer->version->training)) {
    co_await sink.finish(domain::Failed{"The model of this prediction is no longer offered by this server", ""});
    co_return false;
  }

  ports::RunRequest request;
  request.prediction_id = claimed.id;
  request.model = offer->model.get();
  request.version = offer->version;
  request.training = claimed.training;
  request.input = std::move(*input);
  request.attempt = claimed.attempts;
  request.items_done = claimed.output.items.size();
  request.steering = claimed.steering;
  request.stop = stop;

  const auto timed_out = std::make_shared<std::atomic<bool>>(false);
  async::StopToken run_ended;
  const async::Executor executor = co_await boost::asio::this_coro::executor;
  scope_.spawn(executor, enforce_time_limit(options_.time_limit, run_ended, stop, timed_out));
  const auto outcome = co_await run_with_files(std::move(request), claimed.account, sink);
  run_ended.request_stop();

  if (const auto* ok = std::get_if<ports::RunSucceeded>(&outcome)) {
    co_await sink.finish(domain::Succeeded{ok->metrics});
  } else if (const auto* failed = std::get_if<ports::RunFailed>(&outcome)) {
    co_await sink.finish(domain::Failed{failed->error, failed->metrics});
  } else if (*timed_out) {
    co_await sink.finish(domain::Failed{std::string(kTimeLimitError), ""});
  } else {
    // Stopped from here: the prediction ended by other means, or goes on after the next start. Otherwise something else
    // interrupted the run, and it is tried again; attempts are counted by the claim.
    co_return !stop.stop_requested();
  }
  co_return false;
}

/// The model starts when its files are at hand; a prediction is `starting` until then.
async::Task<ports::RunOutcome> Dispatcher::run_with_files(ports::RunRequest request, std::string account,
                                                          ports::RunSink& sink) {
  const InputSources sources{store_,
                             files_,
                             clock_,
                             options_.links,
                             options_.link_lifetime,
                             runner_.takes_urls() ? nullptr : options_.fetcher};
  const auto& schema = request.training ? *request.version->training : request.version->input;
  auto files = co_await input_files(sources, options_.inputs, account, schema, request.input, request.stop);
  if (files) {
    request.files = std::move(*files);
    co_return co_await runner_.run(std::move(request), sink);
  }
  const Error& error = files.error();
  if (error.code == ErrorCode::invalid_input) {
    log::info("an input file cannot be used", {{"prediction", request.prediction_id}, {"error", error.message}});
    co_return ports::RunFailed{error.message, ""};
  }
  if (error.code != ErrorCode::canceled) {
    log::error("input files could not be read", {{"prediction", request.prediction_id}, {"error", error.message}});
  }
  co_return ports::RunInterrupted{};
}

SnapshotPtr Dispatcher::publish(domain::Prediction p) {
  auto shown = recent_.put(std::move(p));
  bus_.publish(shown->value.id);
  if (!options_.on_change) return shown;
  const bool arriving = std::ranges::any_of(shown->value.output.files, &domain::OutputFile::is_arriving);
  options_.on_change(arriving ? std::make_shared<const Snapshot>(domain::without_arriving(shown->value)) : shown);
  return shown;
}

void Dispatcher::stop_blocking(Duration grace) {
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  if (!scope_.wait_blocking(grace)) {
    std::vector<async::StopToken> stops;
    {
      std::scoped_lock lock(mutex_);
      for (auto& [id, stop] : running_) stops.push_back(stop);
    }
    for (auto& stop : stops) stop.request_stop();
  }
  scope_.close();
  scope_.wait_blocking(std::chrono::seconds(10));
}

std::size_t Dispatcher::queued() const {
  std::scoped_lock lock(mutex_);
  return queue_.size();
}

std::size_t Dispatcher::running() const {
  std::scoped_lock lock(mutex_);
  return running_.size();
}

}  // namespace hekto::service
