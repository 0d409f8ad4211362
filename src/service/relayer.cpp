// SPDX-License-Identifier: Apache-2.0
#include "service/relayer.h"

#include "async/completion.h"
#include "base/log.h"
#include "json/value_json.h"
#include "service/run_sink.h"

namespace hekto::service {
namespace {

/// Between two attempts in one process: what interrupted the first, such as a full disk, needs a moment to pass.
constexpr Duration kRetryDelay = std::chrono::seconds(1);

/// What a prediction says that was refused after its client had been told that it was accepted.
std::string error_of(const ports::Refusal& refusal) {
  if (const auto body = json::parse(refusal.body)) {
    for (const std::string_view name : {"detail", "title"}) {
      const auto* text = body->find(name);
      if (text != nullptr && text->as_string() != nullptr && !text->as_string()->empty()) return *text->as_string();
    }
  }
  return "The request was refused with status " + std::to_string(refusal.status);
}

}  // namespace

/// Answers whoever waits, once.
class Relayer::Waiter {
 public:
  void set(async::Completer<Handed> done) {
    std::unique_lock lock(mutex_);
    if (answer_) {
      auto answer = std::move(*answer_);
      lock.unlock();
      done(std::move(answer));
    } else {
      done_ = std::move(done);
    }
  }
  /// False when it was answered before.
  bool answer(Handed handed) {
    std::unique_lock lock(mutex_);
    if (std::exchange(answered_, true)) return false;
    if (done_) {
      auto done = std::move(done_);
      lock.unlock();
      done(std::move(handed));
    } else {
      answer_ = std::move(handed);
    }
    return true;
  }
  bool waits() const {
    std::scoped_lock lock(mutex_);
    return !answered_;
  }

 private:
  mutable std::mutex mutex_;
  async::Completer<Handed> done_;
  std::optional<Handed> answer_;  // came before anybody waited
  bool answered_ = false;
};

/// Wakes as long as the relayer is there: who calls may have begun before it went.
class Relayer::Waker final : public ports::RelayWaker {
 public:
  explicit Waker(Relayer& relayer) : relayer_(&relayer) {}
  void wake(std::string_view id) override {
    std::scoped_lock lock(mutex_);
    if (relayer_ != nullptr) relayer_->wake(id);
  }
  void close() {
    std::scoped_lock lock(mutex_);
    relayer_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Relayer* relayer_;  // guarded by mutex_
};

struct Relayer::Job {
  std::string id;
  std::shared_ptr<const domain::Prediction> accepted = {};  ///< set: by a client that waits; until it is run
  std::shared_ptr<ports::RelayPlace> place = {};
  std::optional<ports::Refusal> invalid_input = {};
  std::string mark_scope = {};
  std::shared_ptr<Waiter> waiter = {};            ///< nullptr: nobody waits
  std::shared_ptr<ports::ParkedRun> parked = {};  ///< what it goes on with, and then what it leaves behind
  bool woken = false;

  bool waited_for() const { return waiter && waiter->waits(); }
  void answer(Handed handed) const {
    if (waiter) waiter->answer(std::move(handed));
  }
};

Relayer::Relayer(async::IoThreads& io, ports::Store& store, ports::FileStore& files, const ports::Clock& clock,
                 ports::Relay& relay, Publish publish, std::function<void(std::string_view)> forget,
                 RelayerOptions options)
    : io_(io),
      store_(store),
      files_(files),
      clock_(clock),
      relay_(relay),
      publish_(std::move(publish)),
      forget_(std::move(forget)),
      options_(std::move(options)),
      waker_(std::make_shared<Waker>(*this)) {}

Relayer::~Relayer() { stop_blocking(std::chrono::seconds(10), {}); }

void Relayer::enqueue(std::string id) {
  auto job = std::make_shared<Job>();
  job->id = std::move(id);
  submit(std::move(job));
}

async::Task<Handed> Relayer::hand_over(domain::Prediction accepted, std::shared_ptr<ports::RelayPlace> place,
                                       std::optional<ports::Refusal> invalid_input, std::string mark_scope) {
  auto job = std::make_shared<Job>();
  job->id = accepted.id;
  job->accepted = std::make_shared<const domain::Prediction>(std::move(accepted));
  job->place = std::move(place);
  job->invalid_input = std::move(invalid_input);
  job->mark_scope = std::move(mark_scope);
  job->waiter = std::make_shared<Waiter>();
  const auto waiter = job->waiter;
  submit(std::move(job));
  co_return co_await async::complete<Handed>([waiter](async::Completer<Handed> done) { waiter->set(std::move(done)); });
}

void Relayer::submit(std::shared_ptr<Job> job) {
  {
    std::scoped_lock lock(mutex_);
    if (stopping_) {
      // Committed: the next process takes it up.
      if (job->accepted) job->answer({std::make_shared<const Snapshot>(*job->accepted)});
      return;
    }
    queue_.push_back(std::move(job));
  }
  pump();
}

void Relayer::interrupt(std::string_view id) {
  std::optional<async::StopToken> stop;
  std::shared_ptr<ports::ParkedRun> gone;
  {
    std::scoped_lock lock(mutex_);
    if (const auto it = running_.find(id); it != running_.end()) {
      it->second.interrupted = true;
      stop = it->second.stop;
    } else if (const auto at = parked_.find(id); at != parked_.end()) {
      gone = std::move(at->second);
      parked_.erase(at);
    }
  }
  if (stop) stop->request_stop();
}

void Relayer::wake(std::string_view id) {
  {
    std::scoped_lock lock(mutex_);
    const auto at = parked_.find(id);
    if (stopping_ || at == parked_.end()) return;
    auto job = std::make_shared<Job>();
    job->id = id;
    job->parked = std::move(at->second);
    job->woken = true;
    parked_.erase(at);
    running_.emplace(job->id, Running());
    woken_.push_back(std::move(job));
  }
  pump();
}

void Relayer::pump() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::scoped_lock lock(mutex_);
      if (stopping_) return;
      if (!woken_.empty() && resumed_ < options_.concurrency) {
        job = std::move(woken_.front());
        woken_.pop_front();
        ++resumed_;
      } else if (!queue_.empty() && running_.size() < options_.concurrency) {
        job = std::move(queue_.front());
        queue_.pop_front();
        // Queued twice: it is followed already.
        if (parked_.contains(job->id) || !running_.emplace(job->id, Running()).second) continue;
      } else {
        return;
      }
    }
    scope_.spawn(io_.next(), run_one(std::move(job)));
  }
}

async::StopToken Relayer::stop_of(const std::string& id) const {
  std::scoped_lock lock(mutex_);
  return running_.at(id).stop;
}

async::Task<void> Relayer::run_one(std::shared_ptr<Job> job) {
  auto then = Then::over;
  if (job->place) {
    then = co_await run_claimed(std::move(job->accepted), *job);
  } else if (job->parked) {
    if (auto read = co_await read_parked(*job)) then = co_await run_claimed(std::move(read), *job);
  } else {
    auto claimed = co_await store_.claim(job->id, clock_.now());
    if (claimed) {
      job->accepted.reset();
      then = co_await run_claimed(std::make_shared<const domain::Prediction>(std::move(*claimed)), *job);
    } else if (claimed.error().code != ErrorCode::conflict && claimed.error().code != ErrorCode::not_found) {
      log::error("prediction could not be claimed", {{"prediction", job->id}, {"error", claimed.error().message}});
    }
  }
  if (job->accepted && job->waited_for()) job->answer({std::make_shared<const Snapshot>(*job->accepted)});
  bool again = then == Then::again;
  if (again) again = co_await scope_.stop().sleep_for(kRetryDelay);
  leave(*job, then == Then::park);
  if (again) {
    enqueue(std::move(job->id));
  } else {
    pump();
  }
}

void Relayer::leave(Job& job, bool park) {
  // Read again by whoever asks for it: what lies unread in memory is no part of its price. Before there can be news.
  if (park) forget_(job.id);
  const auto parked = std::move(job.parked);
  {
    std::scoped_lock lock(mutex_);
    const auto it = running_.find(job.id);
    park = park && !stopping_ && !it->second.interrupted;
    running_.erase(it);
    if (job.woken) --resumed_;
    if (park) parked_.emplace(parked->id(), parked);
  }
  if (park) parked->watch(waker_);
}

async::Task<std::shared_ptr<const domain::Prediction>> Relayer::read_parked(const Job& job) {
  const auto stop = stop_of(job.id);
  while (!stop.stop_requested()) {
    auto read = co_await store_.find_prediction(job.id);
    if (read) {
      // Whoever ended it raises the epoch.
      const bool held = read->epoch == job.parked->epoch() && !domain::is_terminal(read->status);
      co_return held ? std::make_shared<const domain::Prediction>(std::move(*read)) : nullptr;
    }
    if (read.error().code == ErrorCode::not_found) co_return nullptr;
    log::error("a prediction that has news could not be read",
               {{"prediction", job.id}, {"error", read.error().message}});
    co_await stop.sleep_for(kRetryDelay);
  }
  co_return nullptr;
}

async::Task<Relayer::Then> Relayer::run_claimed(std::shared_ptr<const domain::Prediction> claimed, Job& job) {
  ports::RelayRequest request;
  request.stop = stop_of(job.id);
  request.closing = scope_.stop();
  request.parked = std::move(job.parked);
  // Readers were shown what a parked one is.
  SnapshotPtr shown = request.parked ? nullptr : publish_(*claimed);
  RunSink sink(
      store_, files_, clock_, *claimed, options_.commit_every,
      [this, &shown, &job](const domain::Prediction& p) {
        shown = publish_(p);
        const auto& submission = p.submission;
        if (submission && submission->state == domain::Submission::State::accepted) job.answer({shown});
      },
      [&shown, &job] { job.answer({shown}); }, options_.live);

  request.prediction = std::move(claimed);
  request.place = std::move(job.place);
  request.client_waits = job.waited_for();
  request.invalid_input = std::move(job.invalid_input);
  const auto& before = *request.prediction;
  if (!before.submission || before.submission->state == domain::Submission::State::intended) {
    const InputSources sources{store_, files_, clock_, options_.links, options_.link_lifetime, nullptr};
    auto files = co_await held_files(sources, options_.inputs, before.account, before.input);
    if (!files && files.error().code == ErrorCode::invalid_input) {
      co_await sink.finish(domain::Failed{files.error().message, ""});
      job.answer({shown});
      co_return Then::over;
    }
    if (!files) {
      log::error("input files could not be read", {{"prediction", job.id}, {"error", files.error().message}});
      job.answer({shown});
      co_return request.stop.stop_requested() ? Then::over : Then::again;
    }
    request.files = std::move(*files);
  }

  const auto stop = request.stop;
  auto outcome = co_await relay_.run(std::move(request), sink);
  if (auto* ok = std::get_if<ports::RunSucceeded>(&outcome)) {
    co_await sink.finish(domain::Succeeded{std::move(ok->metrics), ok->at, std::move(ok->made)});
  } else if (auto* failed = std::get_if<ports::RunFailed>(&outcome)) {
    co_await sink.finish(domain::Failed{std::move(failed->error), std::move(failed->metrics), false, failed->at});
  } else if (auto* no = std::get_if<ports::RelayRefused>(&outcome)) {
    co_await refused(std::move(no->refusal), sink, job);
  } else if (auto* unknown = std::get_if<ports::RelayUnknown>(&outcome)) {
    log::error("whether an upstream took a prediction cannot be learnt", {{"prediction", job.id}});
    const auto& submission = sink.current().submission;
    co_await sink.finish(
        domain::SubmissionUnknown{submission ? submission->attempt : std::string(), std::move(unknown->error)});
  } else if (const auto* canceled = std::get_if<ports::RelayCanceled>(&outcome)) {
    co_await sink.finish(domain::Canceled{nullptr, true, canceled->at, canceled->aborted});
  } else if (auto* late = std::get_if<ports::RelayTimedOut>(&outcome)) {
    co_await sink.finish(domain::Failed{std::move(late->error), "", true});
  } else {
    auto* parked = std::get_if<ports::RelayParked>(&outcome);
    // What cannot be committed is not forgotten: a run of its own begins from what is.
    const bool settled = parked != nullptr && co_await sink.settle();
    job.answer({shown});
    if (settled) job.parked = std::move(parked->run);
    co_return settled ? Then::park : stop.stop_requested() ? Then::over : Then::again;
  }
  job.answer({shown});
  co_return Then::over;
}

async::Task<void> Relayer::refused(ports::Refusal refusal, RunSink& sink, Job& job) {
  if (job.waited_for()) {
    const auto gone = co_await store_.discard({sink.current().id, sink.current().epoch}, job.mark_scope);
    if (gone) {
      forget_(job.id);
      job.answer({nullptr, std::move(refusal)});
      co_return;
    }
    if (gone.error().code == ErrorCode::conflict) co_return;  // it ended meanwhile, and stays
    log::error("a refused prediction could not be removed", {{"prediction", job.id}, {"error", gone.error().message}});
  }
  co_await sink.finish(domain::Failed{error_of(refusal), ""});
}

void Relayer::stop_blocking(Duration grace, const std::function<void()>& cut_off) {
  std::vector<async::StopToken> stops;
  decltype(parked_) parked;
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (const auto& job : queue_) {
      if (job->accepted) job->answer({std::make_shared<const Snapshot>(*job->accepted)});
    }
    queue_.clear();
    woken_.clear();
    parked.swap(parked_);
    for (auto& [id, run] : running_) stops.push_back(run.stop);
  }
  waker_->close();
  parked.clear();
  for (auto& stop : stops) stop.request_stop();
  scope_.close();
  if (scope_.wait_blocking(grace)) return;
  if (cut_off) cut_off();
  scope_.wait_blocking(std::chrono::seconds(10));
}

std::size_t Relayer::queued() const {
  std::scoped_lock lock(mutex_);
  return queue_.size();
}

std::size_t Relayer::running() const {
  std::scoped_lock lock(mutex_);
  return running_.size() + parked_.size();
}

std::size_t Relayer::parked() const {
  std::scoped_lock lock(mutex_);
  return parked_.size();
}

}  // namespace hekto::service
