// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/replicate_relay.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "runners/replicate/relay_work.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using ports::RelayOutcome;

/// Those submissions are counted that an operator has to look at.
constexpr std::size_t kUnsettledCounted = 1'000;
constexpr Duration kCountUnsettled = 10s;
constexpr std::string_view kNoOutput = "The output of this prediction could not be fetched (code: output_unavailable)";
constexpr std::string_view kGone = "The prediction is no longer known where it ran (code: prediction_lost)";
constexpr std::string_view kTooLong = "Prediction timed out: it ran longer than this server allows";

/// A run that was told to stop, or whose sink said that it is not wanted any more.
RelayOutcome interrupted() { return ports::RunInterrupted{}; }

}  // namespace

ReplicateRelay::ReplicateRelay(async::IoThreads& io, std::vector<UpstreamOptions> upstreams, ports::HttpClient& api,
                               ports::HttpClient& downloads, ports::Store& store, const ports::Clock& clock,
                               Secret hook_key, RelayTimes times)
    : io_(io),
      store_(store),
      clock_(clock),
      times_(std::move(times)),
      pool_(std::move(upstreams), clock),
      client_(api, pool_),
      uploads_(downloads, pool_, clock),
      training_models_(client_),
      webhooks_(pool_, client_, clock, std::move(hook_key),
                [this](const AccountPtr& account) -> Follower& { return follower_of(account); }),
      outputs_(downloads, scope_),
      streams_(api, scope_) {
  for (const auto& account : pool_.accounts()) {
    followers_.emplace(account.get(), std::make_unique<Follower>(pool_, account, client_, clock_, times_.quiet));
  }
}

ReplicateRelay::~ReplicateRelay() { stop_blocking(); }

void ReplicateRelay::start() {
  scope_.spawn(io_.next(), pool_.run(stop_));
  scope_.spawn(io_.next(), count_unsettled());
  scope_.spawn(io_.next(), webhooks_.run(stop_));
  for (auto& [account, follower] : followers_) scope_.spawn(io_.next(), follower->run(stop_));
}

void ReplicateRelay::stop_blocking() {
  stop_.request_stop();
  scope_.close();
  scope_.wait_blocking(30s);
}

std::shared_ptr<ports::RelayPlace> ReplicateRelay::try_place(const domain::RelayTarget& target,
                                                             const std::string& key_id) {
  auto place = pool_.try_acquire({target, key_id, {}});
  return place && !place->at()->upstream->options.queued ? place : nullptr;
}

ports::RelayStats ReplicateRelay::stats() const {
  auto stats = pool_.stats();
  std::scoped_lock lock(mutex_);
  stats.unknown = unknown_;
  stats.unsettled = unsettled_;
  return stats;
}

async::Task<RelayOutcome> ReplicateRelay::run(ports::RelayRequest request, ports::RelaySink& sink) {
  Work work(std::move(request), sink);
  const auto& p = *work.request.prediction;
  work.place = std::dynamic_pointer_cast<Place>(std::exchange(work.request.place, nullptr));
  if (auto open = std::dynamic_pointer_cast<Open>(std::exchange(work.request.parked, nullptr))) {
    work.attempt = p.submission->attempt;
    work.intended_at = p.submission->at;
    work.remote_id = p.submission->remote_id;
    work.place = open->place();
    co_return co_await follow(work, std::nullopt, std::move(open));
  }
  if (p.submission) {
    work.attempt = p.submission->attempt;
    work.intended_at = p.submission->at;
    work.hook = webhooks_.enter(work.attempt);
    if (!work.place) work.place = pool_.adopt(p.submission->upstream, p.submission->account, *p.relay);
    if (!work.place) {
      log::error("the upstream account of a prediction is not configured any more; it waits until it is",
                 {{"prediction", p.id}});
      co_await work.request.stop.sleep_for(1min);
      co_return interrupted();
    }
  }
  if (p.submission && p.submission->state == domain::Submission::State::accepted) {
    work.remote_id = p.submission->remote_id;
    co_return co_await follow(work, std::nullopt);
  }
  const bool may_be_sent = p.submission && !work.fresh;
  Handed handed = may_be_sent ? co_await settle(work) : co_await hand_over(work);
  if (auto* ended = std::get_if<RelayOutcome>(&handed)) {
    if (std::holds_alternative<ports::RelayUnknown>(*ended)) {
      std::scoped_lock lock(mutex_);
      ++unknown_;
    }
    co_return std::move(*ended);
  }
  co_return co_await follow(work, std::move(std::get<Snapshot>(handed)));
}

/// From now on it is followed, and counts as open.
std::shared_ptr<ReplicateRelay::Open> ReplicateRelay::open(Work& work, const std::optional<Snapshot>& first) {
  const auto& p = *work.request.prediction;
  const auto account = work.place->at();
  pool_.opened(*work.place);
  auto& follower = follower_of(account);
  auto followed = follower.follow(work.remote_id, p.training.has_value(), p.model,
                                  first ? first->created_at : p.upstream_times.created, first.has_value() && !work.late,
                                  work.hooked, work.intended_at + account->upstream->options.time_limit,
                                  first ? fingerprint(*first) : Fingerprint{});
  release_remote(work);
  // What came by webhook before the answer to the create. What comes from now on finds its way by the upstream's id.
  if (auto told = work.hook ? work.hook->followed() : std::nullopt) follower.tell(std::move(*told));
  work.hook.reset();
  return std::allocate_shared<Open>(KeptAllocator<Open>(), p.id, p.epoch, work.place, follower, std::move(followed));
}

async::Task<RelayOutcome> ReplicateRelay::follow(Work& work, std::optional<Snapshot> first,
                                                 std::shared_ptr<Open> open_here) {
  if (!open_here) open_here = open(work, first);
  auto& here = *open_here;
  const auto account = work.place->at();
  const auto& upstream = *account->upstream;
  Progress progress(upstream.options, upstream.scrubber, *work.request.prediction);
  const auto until = work.intended_at + upstream.options.time_limit;
  LiveText live(streams_, follower_of(account), here.followed(), account, work.remote_id, progress, here.tried_stream);
  for (;;) {
    if (!first) {
      auto news = co_await live.next(work.request.stop);
      if (!news) co_return interrupted();
      if (std::holds_alternative<Gone>(*news)) co_return ports::RunFailed{std::string(kGone), ""};
      if (std::holds_alternative<Quiet>(*news)) {
        here.tried_stream = live.tried();
        co_return ports::RelayParked{std::move(open_here)};
      }
      if (auto* pieces = std::get_if<std::vector<StreamPiece>>(&*news)) {
        if (auto outcome = co_await deliver(work, progress.on_pieces(std::move(*pieces))))
          co_return std::move(*outcome);
        if (clock_.now() >= until) co_return ports::RelayTimedOut{std::string(kTooLong)};
        continue;
      }
      first = std::move(std::get<Snapshot>(*news));
    }
    const bool ended = first->state && domain::is_terminal(*first->state);
    if (ended && first->created_at && first->completed_at) here.took = *first->completed_at - *first->created_at;
    if (auto outcome = co_await deliver(work, progress.on_snapshot(*first))) co_return std::move(*outcome);
    co_await live.see(*first);
    first.reset();
    if (clock_.now() >= until) co_return ports::RelayTimedOut{std::string(kTooLong)};
  }
}

async::Task<std::optional<RelayOutcome>> ReplicateRelay::deliver(Work& work, std::vector<Step> steps) {
  for (std::size_t next = 0; next < steps.size();) {
    auto& step = steps[next++];
    Result<void> taken;
    if (const auto* start = std::get_if<StepStart>(&step)) {
      taken = co_await work.sink->started_at(start->at);
    } else if (auto* log = std::get_if<StepLog>(&step)) {
      taken = co_await work.sink->log(std::move(log->text));
    } else if (auto* item = std::get_if<StepItem>(&step); item != nullptr && item->files.empty()) {
      taken = co_await work.sink->output_json(item->index, item->list, std::move(item->json));
    } else if (item != nullptr) {
      // With those that follow it, so that their files come side by side.
      std::vector<StepItem> items{std::move(*item)};
      while (next < steps.size() && std::holds_alternative<StepItem>(steps[next])) {
        items.push_back(std::move(std::get<StepItem>(steps[next++])));
      }
      taken = co_await outputs_.deliver(work.place->at(), std::move(items), *work.sink, work.request.stop);
      const auto code = taken ? ErrorCode::internal : taken.error().code;
      if (code == ErrorCode::not_found || code == ErrorCode::too_large) {
        log::error("an output could not be kept",
                   {{"prediction", work.request.prediction->id}, {"error", taken.error().message}});
        co_return ports::RunFailed{std::string(kNoOutput), ""};
      }
    } else if (auto* ok = std::get_if<StepSucceeded>(&step)) {
      co_return ports::RunSucceeded{std::move(ok->metrics), ok->at, std::move(ok->made)};
    } else if (auto* failed = std::get_if<StepFailed>(&step)) {
      co_return ports::RunFailed{std::move(failed->error), std::move(failed->metrics), failed->at};
    } else if (const auto* canceled = std::get_if<StepCanceled>(&step)) {
      co_return ports::RelayCanceled{canceled->at, canceled->aborted};
    }
    if (!taken) co_return interrupted();
  }
  co_return std::nullopt;
}

async::Task<Result<void>> ReplicateRelay::cancel(std::shared_ptr<const domain::Prediction> ended) {
  if (!ended->submission || !ended->relay) co_return Result<void>{};
  const auto account = pool_.find(ended->submission->upstream, ended->submission->account);
  if (!account) co_return fail(ErrorCode::unavailable, "the upstream account is not configured any more");
  std::string remote_id = ended->submission->remote_id;
  if (remote_id.empty()) {
    if (ended->data_removed) co_return Result<void>{};  // without its input it cannot be told from others
    Work work(ended, stop_);
    work.place = pool_.adopt(ended->submission->upstream, ended->submission->account, *ended->relay);
    work.prepare_key();
    // What may be another's is not canceled.
    auto found = co_await look_up(work, true, false);
    if (!found) co_return std::unexpected(found.error());
    if (!found->snapshot) co_return Result<void>{};
    remote_id = found->snapshot->id;
  }
  if (!pool_.may_ask(account)) co_return fail(ErrorCode::unavailable, "the upstream does not answer at present");
  if (auto allowed = co_await pool_.take_other(account, stop_); !allowed) co_return allowed;
  ports::HttpRequest request;
  request.method = "POST";
  request.limit = 20s;
  request.stop = stop_;
  request.reuse = true;
  const auto reply = co_await client_.send(
      account, std::move(request),
      (ended->training ? "/v1/trainings/" : "/v1/predictions/") + percent_encode(remote_id) + "/cancel");
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->status == 429) pool_.throttle_others(account, retry_after(*reply));
  const bool later = reply->status == 401 || reply->status == 403 || reply->status == 429 || reply->status >= 500;
  if (later) co_return fail(ErrorCode::upstream, "the cancel answered " + std::to_string(reply->status));
  co_return Result<void>{};
}

void ReplicateRelay::enter(const std::string& key, int change) {
  std::scoped_lock lock(mutex_);
  if ((posting_[key] += change) <= 0) posting_.erase(key);
}

/// Runs are followed before they let go of this: whoever is not found here and is not followed has no part in it.
bool ReplicateRelay::is_anothers(const Work& work, const std::string& id) const {
  const auto found = claimed_.find(work.place->upstream() + "/" + id);
  if (found != claimed_.end()) return found->second != work.attempt;
  return std::ranges::any_of(followers_, [&](const auto& pair) {
    return pair.first->upstream == work.place->at()->upstream && pair.second->follows(id);
  });
}

bool ReplicateRelay::is_claimed(const Work& work, const std::string& id) const {
  std::scoped_lock lock(mutex_);
  return is_anothers(work, id);
}

bool ReplicateRelay::claim_remote(const Work& work, const std::string& id) {
  std::scoped_lock lock(mutex_);
  if (is_anothers(work, id)) return false;
  claimed_.try_emplace(work.place->upstream() + "/" + id, work.attempt);
  return true;
}

void ReplicateRelay::release_remote(const Work& work) {
  std::scoped_lock lock(mutex_);
  claimed_.erase(work.place->upstream() + "/" + work.remote_id);
}

async::Task<void> ReplicateRelay::count_unsettled() {
  do {
    const auto open = co_await store_.unknown_submissions(kUnsettledCounted);
    if (!open) continue;
    std::scoped_lock lock(mutex_);
    unsettled_ = open->size();
  } while (co_await stop_.sleep_for(kCountUnsettled));
}

}  // namespace hekto::runners::replicate
