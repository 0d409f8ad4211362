// SPDX-License-Identifier: Apache-2.0
#include "service/predictions.h"

#include "base/ids.h"
#include "base/log.h"
#include "json/value_json.h"
#include "service/limits.h"

namespace hekto::service {
namespace {

/// A hint may be lost (ports/event_bus.h), so a waiter looks for itself this often.
constexpr Duration kRecheck = std::chrono::seconds(1);
constexpr std::size_t kRecoverBatch = 1000;

domain::StreamKind stream_kind(domain::OutputKind kind) {
  switch (kind) {
    case domain::OutputKind::text_stream:
      return domain::StreamKind::text;
    case domain::OutputKind::file:
    case domain::OutputKind::file_list:
      return domain::StreamKind::files;
    default:
      return domain::StreamKind::none;
  }
}

/// The turn of one create among those of one key, until destroyed.
class UnderWay {
 public:
  /// An empty `scope` waits for nobody.
  UnderWay(std::mutex& mutex, std::unordered_set<std::string>& all, std::string scope)
      : mutex_(mutex), all_(all), scope_(std::move(scope)) {
    if (scope_.empty()) return;
    std::scoped_lock lock(mutex_);
    mine_ = all_.insert(scope_).second;
  }
  ~UnderWay() {
    if (scope_.empty() || !mine_) return;
    std::scoped_lock lock(mutex_);
    all_.erase(scope_);
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  bool mine() const { return mine_; }

 private:
  std::mutex& mutex_;
  std::unordered_set<std::string>& all_;
  const std::string scope_;
  bool mine_ = true;
};

std::unexpected<Error> unknown() { return fail(ErrorCode::not_found, "The requested resource could not be found."); }

}  // namespace

Predictions::Predictions(ports::Store& store, ports::EventBus& bus, const ports::Clock& clock, Dispatcher& dispatcher,
                         Recent& recent, PredictionLimits limits, Relayer* relayer)
    : store_(store),
      bus_(bus),
      clock_(clock),
      dispatcher_(dispatcher),
      relayer_(relayer),
      recent_(recent),
      limits_(limits) {}

struct Predictions::HandOver {
  bool wait = false;
  std::shared_ptr<ports::RelayPlace> place = {};
  std::optional<ports::Refusal> invalid_input = {};
  std::string mark_scope = {};
};

std::shared_ptr<ports::RelayPlace> Predictions::try_place(const KeyEntry& caller, const domain::RelayTarget& target) {
  return relayer_ == nullptr ? nullptr : relayer_->relay().try_place(target, caller.key().id);
}

Result<domain::Prediction> Predictions::prepare(const KeyEntry& caller, CreatePrediction request, HandOver& hand_over) {
  const std::size_t waiting =
      request.relay && relayer_ != nullptr ? relayer_->queued() + relayer_->running() : dispatcher_.queued();
  if (waiting >= limits_.unfinished) {
    return fail(ErrorCode::unavailable, "Too many predictions are waiting on this server. Please try again shortly.");
  }
  if (!store_.has_room()) return fail(ErrorCode::unavailable, std::string(kNoRoom));
  domain::Prediction p;
  p.created_at = clock_.now();
  p.id = new_id(p.created_at);
  p.model = request.offer.model->full_name();
  p.version = request.offer.version->id;
  p.deployment = std::move(request.deployment);
  p.input = json::dump(request.input);
  p.steering = std::move(request.steering);
  if (request.destination.empty() && request.relay) {
    p.stream = domain::StreamKind::none;  // until the upstream says
  } else if (request.destination.empty()) {
    p.stream = stream_kind(request.offer.version->output);
  } else {
    p.training = domain::TrainingTarget{std::move(request.destination), std::string(request.offer.base)};
  }
  p.account = caller.key().account;
  p.key_id = caller.key().id;
  p.test = caller.key().test;
  p.webhook = std::move(request.webhook);
  if (request.cancel_after) p.deadline = p.created_at + *request.cancel_after;
  p.relay = std::move(request.relay);
  if (hand_over.place) {
    if (may_name_held_files(p.input) || (p.training && !p.training->base.empty())) {
      // Files are taken to the upstream first, and a model is made there for a training's destination, which may take
      // its time: the intent is committed after that.
      hand_over.place.reset();
    } else {
      // Claim and intent in the commit of the create itself, so that the upstream's word costs no commit more.
      p.epoch = 1;
      p.attempts = 1;
      p.submission = domain::Submission{domain::Submission::State::intended,
                                        hand_over.place->upstream(),
                                        hand_over.place->account(),
                                        new_id(p.created_at),
                                        p.created_at,
                                        {},
                                        false,
                                        false};
    }
  }
  return p;
}

async::Task<Created> Predictions::take_up(ports::Creation::Outcome outcome, domain::Prediction p, HandOver hand_over) {
  if (p.deadline) deadlines_.add(*p.deadline, p.id);
  auto snapshot = recent_.put(p);
  if (!p.relay) {
    dispatcher_.enqueue(std::move(p.id));
  } else if (!hand_over.wait) {
    relayer_->enqueue(std::move(p.id));
  } else {
    auto handed = co_await relayer_->hand_over(std::move(p), std::move(hand_over.place),
                                               std::move(hand_over.invalid_input), std::move(hand_over.mark_scope));
    co_return Created{outcome, std::move(handed.snapshot), std::move(handed.refusal)};
  }
  co_return Created{outcome, std::move(snapshot)};
}

async::Task<Result<Created>> Predictions::create(const KeyEntry& caller, CreatePrediction request) {
  HandOver hand_over{request.place != nullptr, std::move(request.place), std::move(request.invalid_input), {}};
  auto p = prepare(caller, std::move(request), hand_over);
  if (!p) co_return std::unexpected(p.error());
  const auto created = co_await store_.create_prediction(*p);
  if (!created) co_return std::unexpected(created.error());
  co_return co_await take_up(ports::Creation::Outcome::created, std::move(*p), std::move(hand_over));
}

async::Task<Result<Created>> Predictions::create_once(const KeyEntry& caller, CreatePrediction request,
                                                      domain::CreateMark mark) {
  HandOver hand_over{request.place != nullptr, std::move(request.place), std::move(request.invalid_input), {}};
  auto p = prepare(caller, std::move(request), hand_over);
  if (!p) co_return std::unexpected(p.error());
  // By retry there is nothing to guard: the earlier attempt was given up by its client before this one was sent.
  const UnderWay turn(mutex_, under_way_, mark.retry ? std::string() : mark.scope);
  if (!turn.mine()) {
    co_return fail(ErrorCode::conflict,
                   "A request with this Idempotency-Key is still being processed. Please try again shortly.");
  }
  if (refused_.take(mark, p->created_at)) mark.retry = 0;
  hand_over.mark_scope = mark.scope;
  auto made = co_await store_.create_prediction_once(std::move(*p), std::move(mark));
  if (!made) co_return std::unexpected(made.error());
  switch (made->outcome) {
    case ports::Creation::Outcome::created:
      co_return co_await take_up(made->outcome, std::move(made->prediction), std::move(hand_over));
    case ports::Creation::Outcome::repeated:
      if (is_overdue(made->prediction)) {
        co_return Created{made->outcome, std::make_shared<const Snapshot>(std::move(made->prediction))};
      }
      co_return Created{made->outcome, recent_.put(std::move(made->prediction))};
    case ports::Creation::Outcome::differs:
      break;
  }
  co_return Created{made->outcome, nullptr};
}

// What is due for removal is read afresh each time, so that a copy in memory cannot outlive the data.
bool Predictions::is_overdue(const domain::Prediction& p) const {
  return p.completed_at && !p.data_removed && clock_.now() >= *p.completed_at + limits_.retention;
}

SnapshotPtr Predictions::held(std::string_view account, std::string_view id) {
  auto held = recent_.find(id);
  if (held && (held->value.account != account || is_overdue(held->value))) held.reset();
  return held;
}

async::Task<Result<SnapshotPtr>> Predictions::get_unchecked(std::string_view id) {
  if (!is_id(id)) co_return unknown();
  if (auto held = recent_.find(id); held && !is_overdue(held->value)) co_return held;
  const auto ticket = recent_.ticket(id);
  auto found = co_await store_.find_prediction(std::string(id));
  if (!found) co_return std::unexpected(found.error());
  if (is_overdue(*found)) co_return std::make_shared<const Snapshot>(std::move(*found));
  co_return recent_.put_read(std::move(*found), ticket);
}

async::Task<Result<SnapshotPtr>> Predictions::get(std::string_view account, std::string_view id) {
  auto found = co_await get_unchecked(id);
  if (found && (*found)->value.account != account) co_return unknown();
  if (!found && found.error().code == ErrorCode::not_found) co_return unknown();
  co_return found;
}

async::Task<Result<ports::PredictionPage>> Predictions::list(ports::PredictionQuery query) {
  co_return co_await store_.list_predictions(std::move(query));
}

std::shared_ptr<const domain::Prediction> Predictions::shown(std::string_view id) {
  const auto held = recent_.find(id);
  return held ? std::shared_ptr<const domain::Prediction>(held, &held->value) : nullptr;
}

async::Task<Result<SnapshotPtr>> Predictions::end(std::string id, domain::Event event) {
  auto ended = co_await store_.end(id, std::move(event), clock_.now());
  if (!ended) co_return std::unexpected(ended.error());
  if (ended->relay && relayer_ != nullptr) {
    relayer_->interrupt(id);
  } else {
    dispatcher_.interrupt(id);
  }
  co_return dispatcher_.publish(std::move(*ended));
}

async::Task<Result<SnapshotPtr>> Predictions::cancel(std::string_view account, std::string_view id) {
  auto found = co_await get(account, id);
  if (!found || domain::is_terminal((*found)->value.status)) co_return found;
  auto ended = co_await end((*found)->value.id, domain::Canceled{shown((*found)->value.id)});
  if (!ended && ended.error().code == ErrorCode::conflict) {
    // It ended while we asked: whichever came first stands.
    recent_.erase((*found)->value.id);
    co_return co_await get(account, id);
  }
  co_return ended;
}

async::Task<Result<SnapshotPtr>> Predictions::wait(SnapshotPtr from, Duration limit) {
  const async::Executor executor = co_await boost::asio::this_coro::executor;
  const auto subscription = bus_.subscribe(from->value.id, executor);
  const auto until = std::chrono::steady_clock::now() + limit;
  for (;;) {
    auto now = co_await get_unchecked(from->value.id);
    if (!now || domain::is_terminal((*now)->value.status)) co_return now;
    const auto left = std::chrono::duration_cast<Duration>(until - std::chrono::steady_clock::now());
    if (left <= Duration{} || draining_) co_return now;
    co_await subscription->wait(std::min(left, kRecheck));
  }
}

async::Task<Result<std::size_t>> Predictions::recover() {
  std::string after;
  std::size_t count = 0;
  std::size_t left = 0;
  for (;;) {
    auto batch = co_await store_.unfinished(after, kRecoverBatch);
    if (!batch) co_return std::unexpected(batch.error());
    for (auto& item : *batch) {
      if (item.deadline) deadlines_.add(*item.deadline, item.id);
      after = item.id;
      if (!item.relayed) {
        dispatcher_.enqueue(std::move(item.id));
      } else if (relayer_ != nullptr) {
        relayer_->enqueue(std::move(item.id));
      } else {
        ++left;
        continue;
      }
      ++count;
    }
    if (batch->size() < kRecoverBatch) break;
  }
  if (left > 0) {
    log::warn("relayed predictions wait until an upstream is configured again", {{"count", std::to_string(left)}});
  }
  co_return count;
}

async::Task<void> Predictions::enforce_deadlines() {
  for (auto& id : deadlines_.take_due(clock_.now())) {
    const auto ended = co_await end(id, domain::DeadlinePassed{shown(id)});
    if (!ended && ended.error().code != ErrorCode::conflict && ended.error().code != ErrorCode::not_found) {
      log::error("deadline could not be enforced", {{"prediction", id}, {"error", ended.error().message}});
      deadlines_.add(clock_.now() + std::chrono::seconds(5), id);
    }
  }
}

}  // namespace hekto::service
