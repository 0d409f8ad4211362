// SPDX-License-Identifier: Apache-2.0
// ReplicateRelay: handing a prediction over, once.
#include <algorithm>

#include "base/ids.h"
#include "base/json_text.h"
#include "base/log.h"
#include "runners/replicate/relay_work.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using ports::RelayOutcome;

/// Pages of the list that are read at most, a hundred predictions each: half an hour of an account with the usual
/// limits, of which a few minutes are looked at.
constexpr int kLookUpPages = 200;
/// An upstream has hardly ever another time than ours, and takes a create as soon as it comes. So it is looked for
/// around its intent, which takes a page or two even of an account that is busy, and everywhere only with the last try.
constexpr Duration kNearBefore = 5s;
constexpr Duration kNearAfter = 15s;
constexpr Duration kLongestAgain = 30s;
/// What the official service takes in a Cancel-After; whatever is closer is left to our own deadline.
constexpr Duration kLeastCancelAfter = 5s;

constexpr std::string_view kNotServed = "The model of this prediction is no longer offered by this server";
constexpr std::string_view kLost =
    "The answer to the submission of this prediction was lost, and whether it runs cannot be learnt. It was not "
    "submitted again (code: submission_unknown)";

}  // namespace

async::Task<Result<std::string>> ReplicateRelay::input_for(Work& work) {
  const auto& training = work.request.prediction->training;
  if (training && !training->base.empty()) {
    auto made = co_await training_models_.model_for(work.place->at(), training->destination, work.request.stop);
    if (!made) co_return std::unexpected(made.error());
    work.destination = std::move(*made);
  }
  if (work.request.files.empty()) co_return work.request.prediction->input;
  co_return co_await uploads_.replace(work.place->at(), work.request.prediction->input, work.request.files,
                                      work.request.stop);
}

async::Task<Result<ports::HttpReply>> ReplicateRelay::post(Work& work, std::string input, bool& sent) {
  const auto& p = *work.request.prediction;
  const auto& options = work.place->at()->upstream->options;
  auto named = create_route(options, *p.relay, p.training ? p.training->destination : std::string_view{});
  if (!work.destination.empty()) named.destination = work.destination;
  const auto route = std::move(named);
  ports::HttpRequest request;
  request.method = "POST";
  request.limit = options.submit_limit;
  request.max_reply = UpstreamClient::kMaxReply;
  request.headers.emplace_back("Content-Type", "application/json");
  if (options.idempotent) request.headers.emplace_back("Idempotency-Key", "hekto-" + work.attempt);
  // A connection that was kept may have gone stale, which shows only by sending; then the create is sent once more.
  request.reuse = options.idempotent;
  if (p.deadline) {
    // Not earlier than the client has asked for; our own deadline is the first to pass. And the same when the create is
    // sent again: what is asked with one key must not change.
    const auto left = std::chrono::ceil<std::chrono::seconds>(*p.deadline - work.intended_at);
    if (left >= kLeastCancelAfter) request.headers.emplace_back("Cancel-After", std::to_string(left.count()) + "s");
  }
  request.sent = std::make_shared<std::atomic<bool>>(false);
  const auto flag = request.sent;
  if (!work.webhook) work.webhook = webhooks_.url(work.place->at(), work.attempt);
  const auto& webhook = *work.webhook;
  work.hooked = !webhook.empty();
  request.body.reserve(input.size() + webhook.size() + 240);
  request.body = "{";
  for (const auto& [name, value] : {std::pair("version", &route.version), std::pair("destination", &route.destination),
                                    std::pair("webhook", &webhook)}) {
    if (value->empty()) continue;
    append_json_string(request.body, name);
    request.body += ':';
    append_json_string(request.body, *value);
    request.body += ',';
  }
  if (work.hooked) request.body += R"("webhook_events_filter":["start","output","logs","completed"],)";
  request.body.append(R"("input":)").append(input).append("}");
  // Not ended with the run: what was begun has to be known. A webhook may say it when the answer does not come.
  if (work.hooked && work.hook && !work.hook->told()) request.stop = work.hook->cut();
  auto reply = co_await client_.send(work.place->at(), std::move(request), route.path);
  sent = *flag;
  co_return reply;
}

async::Task<ReplicateRelay::Handed> ReplicateRelay::accept(Work& work, Snapshot snapshot) {
  work.remote_id = snapshot.id;
  const auto& options = work.place->at()->upstream->options;
  domain::Submitted accepted;
  accepted.attempt = work.attempt;
  accepted.remote_id = snapshot.id;
  // What lies there under another name than the client's is shown under the client's.
  const bool own = work.request.prediction->relay->kind == domain::RelayTarget::Kind::trained;
  accepted.model = snapshot.model.empty() || own ? std::string() : client_name(options, snapshot.model);
  accepted.version = snapshot.version;
  if (!snapshot.stream_url.empty()) {
    accepted.stream = is_file_stream(snapshot.stream_url) ? domain::StreamKind::files : domain::StreamKind::text;
  }
  // Of work that has waited, the client knows a time already.
  if (!work.shown) accepted.created_at = snapshot.created_at;
  const auto taken = co_await work.sink->submitted(std::move(accepted));
  if (!taken) {
    // Canceled: the id is noted. Else it may not be, and nobody but this submission is to find it.
    if (taken.error().code == ErrorCode::canceled) release_remote(work);
    co_return RelayOutcome(ports::RunInterrupted{});
  }
  co_return snapshot;
}

async::Task<ReplicateRelay::Handed> ReplicateRelay::hand_over(Work& work) {
  const auto& p = *work.request.prediction;
  const auto& stop = work.request.stop;
  Wanted wanted{*p.relay, p.key_id, {}};
  for (;;) {
    if (!work.place) work.place = pool_.try_acquire(wanted);
    if (!work.place) {
      if (work.request.invalid_input) co_return RelayOutcome(ports::RelayRefused{*work.request.invalid_input});
      work.wait();
      auto place = co_await pool_.acquire(wanted, stop);
      if (!place && place.error().code == ErrorCode::not_found) {
        co_return RelayOutcome(ports::RunFailed{std::string(kNotServed), ""});
      }
      if (!place) co_return RelayOutcome(ports::RunInterrupted{});
      work.place = std::move(*place);
    }
    if (stop.stop_requested()) {
      // Nothing was sent, and nothing will be: after the next start it may be submitted like any other.
      if (!work.attempt.empty()) co_await work.sink->dropped(work.attempt);
      co_return RelayOutcome(ports::RunInterrupted{});
    }
    // No model is made upstream for a training that will not be.
    const bool own_destination = p.training && !p.training->base.empty();
    if (own_destination && work.request.invalid_input && work.attempt.empty()) {
      co_return RelayOutcome(ports::RelayRefused{*work.request.invalid_input});
    }
    auto input = co_await input_for(work);
    if (!input) {
      if (input.error().code == ErrorCode::invalid_input) {
        co_return RelayOutcome(ports::RunFailed{input.error().message, ""});
      }
      log::warn("what a create needs could not be brought to the upstream",
                {{"prediction", p.id}, {"error", input.error().message}});
      if (!work.attempt.empty() && !co_await work.sink->dropped(std::exchange(work.attempt, {}))) {
        co_return RelayOutcome(ports::RunInterrupted{});
      }
      work.wait();
      work.place.reset();
      if (!co_await stop.sleep_for(times_.upload)) co_return RelayOutcome(ports::RunInterrupted{});
      continue;
    }
    if (work.attempt.empty()) {
      work.attempt = new_id(clock_.now());
      work.intended_at = clock_.now();
      work.hook = webhooks_.enter(work.attempt);
      work.webhook.reset();
      auto intended = co_await work.sink->submitting({work.place->upstream(), work.place->account(), work.attempt});
      if (!intended) co_return RelayOutcome(ports::RunInterrupted{});
    }
    auto handed = co_await submit(work, wanted, std::move(*input));
    if (handed) co_return std::move(*handed);
  }
}

void ReplicateRelay::report(Work& work, const Result<ports::HttpReply>& reply, const CreateAnswer& answer,
                            Duration took) {
  CreateReport report;
  report.took = took;
  if (reply) report.left = limit_left(*reply);
  if (std::holds_alternative<Accepted>(answer)) {
    report.result = CreateResult::accepted;
  } else if (std::holds_alternative<Refused>(answer)) {
    report.result = CreateResult::refused;
  } else if (const auto* not_now = std::get_if<NotNow>(&answer)) {
    report.result = not_now->throttled ? CreateResult::throttled : CreateResult::down;
    report.wait = not_now->throttled || not_now->wait > Duration{} ? not_now->wait : times_.down;
    report.reduced_to = not_now->reduced_to;
  } else if (const auto* account = std::get_if<AccountRefused>(&answer)) {
    using Why = AccountRefused::Why;
    report.result = account->why == Why::bad_token   ? CreateResult::bad_token
                    : account->why == Why::no_credit ? CreateResult::no_credit
                                                     : CreateResult::forbidden;
  }
  pool_.report(*work.place, report);
}

/// One create. nullopt: nothing was taken, the submission is dropped, and there may be another.
async::Task<std::optional<ReplicateRelay::Handed>> ReplicateRelay::submit(Work& work, Wanted& wanted,
                                                                          std::string input) {
  work.prepare_key();
  enter(work.key, 1);
  bool sent = false;
  const auto began = std::chrono::steady_clock::now();
  pool_.begin(*work.place);
  const auto reply = co_await post(work, std::move(input), sent);
  const auto took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
  const auto& scrubber = work.place->at()->upstream->scrubber;
  auto answer = read_create_answer(reply, sent, scrubber);
  if (std::holds_alternative<Ambiguous>(answer)) {
    if (auto told = told_by_webhook(work)) answer = Accepted{std::move(*told)};
  }
  if (const auto* accepted = std::get_if<Accepted>(&answer); accepted && !claim_remote(work, accepted->snapshot.id)) {
    answer = Ambiguous{"the answer is about another prediction"};
  }
  enter(work.key, -1);
  report(work, reply, answer, took);
  if (auto* accepted = std::get_if<Accepted>(&answer)) co_return co_await accept(work, std::move(accepted->snapshot));
  if (auto* refused = std::get_if<Refused>(&answer)) {
    // When it has ended meanwhile nobody need look whether the upstream has it.
    if (work.request.stop.stop_requested()) (void)co_await work.sink->dropped(work.attempt);
    if (!work.request.files.empty() && !work.request.stop.stop_requested() &&
        !std::exchange(work.uploads_renewed, true) && uploads_.forget_named(work.place->at(), refused->refusal.body)) {
      // Nothing was taken, and what it lacks can be given to it.
      if (!co_await work.sink->dropped(std::exchange(work.attempt, {}))) {
        co_return Handed(RelayOutcome(ports::RunInterrupted{}));
      }
      work.place.reset();
      co_return std::nullopt;
    }
    co_return Handed(RelayOutcome(ports::RelayRefused{std::move(refused->refusal)}));
  }
  if (const auto* ambiguous = std::get_if<Ambiguous>(&answer)) {
    log::warn("the answer to a create was lost", {{"prediction", work.request.prediction->id},
                                                  {"account", work.place->account()},
                                                  {"why", scrubber.clean(ambiguous->why)}});
    work.wait();
    co_return co_await settle(work);
  }
  if (auto* account = std::get_if<AccountRefused>(&answer)) {
    work.tried.push_back(work.place->upstream() + "/" + work.place->account());
    if (account->why == AccountRefused::Why::forbidden) wanted.without.push_back(work.tried.back());
    if (account->why != AccountRefused::Why::bad_token) work.last_word = std::move(account->refusal);
    if (!pool_.has_other(*work.request.prediction->relay, work.tried)) {
      if (work.last_word) co_return Handed(RelayOutcome(ports::RelayRefused{std::move(*work.last_word)}));
      work.tried.clear();
    }
  }
  if (!co_await work.sink->dropped(std::exchange(work.attempt, {}))) {
    co_return Handed(RelayOutcome(ports::RunInterrupted{}));
  }
  work.place.reset();
  co_return std::nullopt;
}

/// What the upstream has told of the submission itself, which is the answer to its create whatever became of that.
/// nullopt too when another run has taken this one's prediction for its own, which has the same input.
std::optional<Snapshot> ReplicateRelay::told_by_webhook(const Work& work) const {
  auto told = work.hook ? work.hook->told() : std::nullopt;
  return told && is_claimed(work, told->id) ? std::nullopt : told;
}

/// Goes on when the prediction is canceled meanwhile: without its id the upstream could not be told of it, and would be
/// at work for nothing.
async::Task<ReplicateRelay::Handed> ReplicateRelay::settle(Work& work) {
  const auto& stop = work.request.stop;
  bool wanted = true;
  if (work.key.empty()) work.prepare_key();
  work.late = true;
  if (auto told = told_by_webhook(work); told && claim_remote(work, told->id)) {
    co_return co_await accept(work, std::move(*told));
  }
  if (work.place->at()->upstream->options.idempotent) {
    if (auto handed = co_await submit_again(work)) co_return std::move(*handed);
  }
  const auto& pauses = times_.look_ups;
  const auto until = clock_.now() + times_.patience;
  std::size_t failed = 0;
  for (std::size_t tries = 0; tries < pauses.size();) {
    const auto pause = pauses[std::min(tries + failed, pauses.size() - 1)];
    const bool on =
        work.hook && !work.hook->told() ? co_await work.hook->wait(pause, stop) : co_await stop.sleep_for(pause);
    if (!on && (!wanted || work.request.closing.stop_requested())) co_return RelayOutcome(ports::RunInterrupted{});
    if (!on) {
      wanted = false;
      work.request.stop = work.request.closing;
    }
    if (auto told = told_by_webhook(work); told && claim_remote(work, told->id)) {
      log::info("a create whose answer was lost was told by webhook", {{"prediction", work.request.prediction->id}});
      co_return co_await accept(work, std::move(*told));
    }
    const bool last = tries + 1 == pauses.size();
    // What may be another's is not canceled.
    auto found = co_await look_up(work, last, last && wanted);
    if (found && found->snapshot) {
      log::info("a create whose answer was lost was found upstream", {{"prediction", work.request.prediction->id}});
      co_return co_await accept(work, std::move(*found->snapshot));
    }
    if (found && found->several) break;
    if (found) {
      ++tries;
    } else if (++failed; clock_.now() > until) {
      break;
    }
  }
  if (!wanted || stop.stop_requested()) co_return RelayOutcome(ports::RunInterrupted{});
  co_return RelayOutcome(ports::RelayUnknown{std::string(kLost)});
}

async::Task<std::optional<ReplicateRelay::Handed>> ReplicateRelay::submit_again(Work& work) {
  const auto& stop = work.request.stop;
  const auto interrupted = [] { return Handed(RelayOutcome(ports::RunInterrupted{})); };
  const auto until = clock_.now() + times_.patience;
  // What an earlier process sent may have carried a webhook.
  if (!work.webhook) co_await webhooks_.await_secret(work.place->at(), stop);
  Duration pause = times_.again;
  do {
    if (!co_await stop.sleep_for(pause)) co_return interrupted();
    pause = std::min(pause * 2, kLongestAgain);
    auto input = co_await input_for(work);
    if (!input && input.error().code == ErrorCode::invalid_input) co_return std::nullopt;
    if (!input) continue;
    if (!co_await pool_.allow_again(*work.place, stop)) co_return interrupted();
    bool sent = false;
    pool_.begin(*work.place);
    const auto reply = co_await post(work, std::move(*input), sent);
    auto answer = read_create_answer(reply, sent, work.place->at()->upstream->scrubber);
    report(work, reply, answer, {});
    if (auto* accepted = std::get_if<Accepted>(&answer)) {
      if (!claim_remote(work, accepted->snapshot.id)) co_return std::nullopt;
      co_return co_await accept(work, std::move(accepted->snapshot));
    }
    // 409: the first one is at work there. Any other refusal is none of the first: its body may have been another.
    const bool at_work = reply && reply->status == 409;
    if (std::holds_alternative<Refused>(answer) && !at_work) co_return std::nullopt;
    if (const auto* not_now = std::get_if<NotNow>(&answer)) pause = std::max(pause, not_now->wait);
  } while (clock_.now() < until);
  co_return std::nullopt;
}

/// Creates of one input at one account are looked up one after the other, and not while another of them waits for its
/// answer: else two would take one upstream prediction for theirs.
async::Task<Result<ReplicateRelay::Found>> ReplicateRelay::look_up(Work& work, bool everywhere, bool any_name) {
  const auto waited_until = clock_.now() + work.place->at()->upstream->options.submit_limit;
  const auto begin = [&] {
    std::scoped_lock lock(mutex_);
    const bool alone = !posting_.contains(work.key) || clock_.now() >= waited_until;
    return alone && looking_.insert(work.key).second;
  };
  while (!begin()) {
    if (!co_await work.request.stop.sleep_for(100ms)) co_return fail(ErrorCode::canceled, "stopped");
  }
  auto found = co_await search(work, everywhere, any_name);
  std::scoped_lock lock(mutex_);
  looking_.erase(work.key);
  co_return found;
}

async::Task<Result<ReplicateRelay::Found>> ReplicateRelay::search(Work& work, bool everywhere, bool any_name) {
  const auto& p = *work.request.prediction;
  const auto account = work.place->at();
  const auto from = work.intended_at - (everywhere ? kClockSkew : kNearBefore);
  const auto to =
      work.intended_at + (everywhere ? account->upstream->options.submit_limit + kClockSkew : Duration(kNearAfter));
  const auto name = upstream_name(account->upstream->options, p.relay->name);
  std::vector<Snapshot> matching;
  std::vector<Snapshot> otherwise_named;
  std::string cursor;
  for (int i = 0; i < kLookUpPages; ++i) {
    auto page = co_await client_.list(account, p.training.has_value(), from, to, std::move(cursor), work.request.stop);
    if (!page) co_return std::unexpected(page.error());
    bool older = false;
    for (auto& shown : page->items) {
      if (shown.created_at && *shown.created_at < from) older = true;
      const bool in_time = !shown.created_at || (*shown.created_at >= from && *shown.created_at < to);
      const auto like = in_time ? likeness(shown, *p.relay, name, work.canonical_input, work.hidden) : Likeness::none;
      if (like == Likeness::none || is_claimed(work, shown.id)) continue;
      auto owner = co_await store_.find_by_remote_id(account->upstream->options.name, shown.id);
      if (owner) continue;
      if (owner.error().code != ErrorCode::not_found) co_return std::unexpected(owner.error());
      (like == Likeness::all ? matching : otherwise_named).push_back(std::move(shown));
    }
    cursor = std::move(page->next);
    if (cursor.empty() || older) break;
  }
  // One of another name may be that of a create of the other model, which is looked up as well and comes first.
  if (matching.empty() && any_name) matching = std::move(otherwise_named);
  if (matching.size() > 1) co_return Found{std::nullopt, true};
  if (matching.empty() || !claim_remote(work, matching.front().id)) co_return Found{};
  co_return Found{std::move(matching.front()), false};
}

}  // namespace hekto::runners::replicate
