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

struct Relayer::Job {
  std::string id;
  std::shared_ptr<const domain::Prediction> accepted = {};  ///< set: by a client that waits; until it is run
  std::shared_ptr<ports::RelayPlace> place = {};
  std::optional<ports::Refusal> invalid_input = {};
  std::string mark_scope = {};
  std::shared_ptr<Waiter> waiter = {};  ///< nullptr: nobody waits

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
      options_(std::move(options)) {}

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
  {
    std::scoped_lock lock(mutex_);
    if (const auto it = running_.find(id); it != running_.end()) stop = it->second;
  }
  if (stop) stop->request_stop();
}

void Relayer::pump() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::scoped_lock lock(mutex_);
      if (stopping_ || queue_.empty() || running_.size() >= options_.concurrency) return;
      job = std::move(queue_.front());
      queue_.pop_front();
      if (!running_.emplace(job->id, async::StopToken()).second) continue;  // queued twice: it is followed already
    }
    scope_.spawn(io_.next(), run_one(std::move(job)));
  }
}

async::Task<void> Relayer::run_one(std::shared_ptr<Job> job) {
  bool again = false;
  if (job->place) {
    again = co_await run_claimed(std::move(job->accepted), *job);
  } else {
    auto claimed = co_await store_.claim(job->id, clock_.now());
    if (claimed) {
      job->accepted.reset();
      again = co_await run_claimed(std::make_shared<const domain::Prediction>(std::move(*claimed)), *job);
    } else if (claimed.error().code != ErrorCode::conflict && claimed.error().code != ErrorCode::not_found) {
      log::error("prediction could not be claimed", {{"prediction", job->id}, {"error", claimed.error().message}});
    }
  }
  if (job->accepted && job->waited_for()) job->answer({std::make_shared<const Snapshot>(*job->accepted)});
  if (again) again = co_await scope_.stop().sleep_for(kRetryDelay);
  {
    std::scoped_lock lock(mutex_);
    running_.erase(job->id);
  }
  if (again) {
    enqueue(std::move(job->id));
  } else {
    pump();
  }
}

async::Task<bool> Relayer::run_claimed(std::shared_ptr<const domain::Prediction> claimed, Job& job) {
  ports::RelayRequest request;
  {
    std::scoped_lock lock(mutex_);
    request.stop = running_.at(job.id);
  }
  SnapshotPtr shown = publish_(*claimed);
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
      co_return false;
    }
    if (!files) {
      log::error("input files could not be read", {{"prediction", job.id}, {"error", files.error().message}});
      job.answer({shown});
      co_return !request.stop.stop_requested();
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
    job.answer({shown});
    co_return !stop.stop_requested();
  }
  job.answer({shown});
  co_return false;
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
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (const auto& job : queue_) {
      if (job->accepted) job->answer({std::make_shared<const Snapshot>(*job->accepted)});
    }
    queue_.clear();
    for (auto& [id, stop] : running_) stops.push_back(stop);
  }
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
  return running_.size();
}

}  // namespace hekto::service
