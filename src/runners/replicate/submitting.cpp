// SPDX-License-Identifier: Apache-2.0
// ReplicateRelay: handing a prediction over, once.
#include <array>

#include "base/ids.h"
#include "base/json_text.h"
#include "base/log.h"
#include "runners/replicate/relay_work.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using ports::RelayOutcome;

/// When a create whose answer was lost is looked for. It may still be on its way into the list.
constexpr std::array<Duration, 6> kLookUps = {300ms, 1s, 3s, 5s, 8s, 12s};
/// So long is waited for an upstream that cannot be asked.
constexpr Duration kLookUpPatience = 1h;
/// Pages of the list that are read, a hundred predictions each.
constexpr int kLookUpPages = 20;
/// After an upstream that could not be reached, before it is tried again.
constexpr Duration kDownPause = 500ms;

constexpr std::string_view kNotServed = "The model of this prediction is no longer offered by this server";
constexpr std::string_view kLost =
    "The answer to the submission of this prediction was lost, and whether it runs cannot be learnt. It was not "
    "submitted again (code: submission_unknown)";

}  // namespace

async::Task<Result<std::string>> ReplicateRelay::input_for(Work& work) {
  if (work.request.files.empty()) co_return work.request.prediction->input;
  co_return co_await uploads_.replace(work.place->at(), work.request.prediction->input, work.request.files,
                                      work.request.stop);
}

async::Task<Result<ports::HttpReply>> ReplicateRelay::post(Work& work, std::string input, bool& sent) {
  const auto& p = *work.request.prediction;
  const auto& options = work.place->at()->upstream->options;
  const auto route = create_route(options, *p.relay, p.training ? p.training->destination : std::string_view{});
  ports::HttpRequest request;
  request.method = "POST";
  request.limit = options.submit_limit;
  request.max_reply = UpstreamClient::kMaxReply;
  request.headers.emplace_back("Content-Type", "application/json");
  if (options.idempotent) request.headers.emplace_back("Idempotency-Key", "hekto-" + work.attempt);
  request.sent = std::make_shared<std::atomic<bool>>(false);
  const auto flag = request.sent;
  request.body.reserve(input.size() + 160);
  request.body = "{";
  for (const auto& [name, value] :
       {std::pair("version", &route.version), std::pair("destination", &route.destination)}) {
    if (value->empty()) continue;
    append_json_string(request.body, name);
    request.body += ':';
    append_json_string(request.body, *value);
    request.body += ',';
  }
  request.body.append(R"("input":)").append(input).append("}");
  // Not ended with the run: what was begun has to be known.
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
  accepted.model = snapshot.model.empty() ? std::string() : client_name(options, snapshot.model);
  accepted.version = snapshot.version;
  if (!snapshot.stream_url.empty()) {
    const bool files = snapshot.stream_url.find("/files/") != std::string::npos;
    accepted.stream = files ? domain::StreamKind::files : domain::StreamKind::text;
  }
  // Of work that has waited, the client knows a time already.
  if (work.fresh) accepted.created_at = snapshot.created_at;
  const auto taken = co_await work.sink->submitted(std::move(accepted));
  if (!taken) {
    release_remote(work.place->upstream() + "/" + work.remote_id);
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
      work.sink->waiting();
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
    auto input = co_await input_for(work);
    if (!input) {
      if (input.error().code == ErrorCode::invalid_input) {
        co_return RelayOutcome(ports::RunFailed{input.error().message, ""});
      }
      log::warn("input files could not be uploaded", {{"prediction", p.id}, {"error", input.error().message}});
      if (!work.attempt.empty() && !co_await work.sink->dropped(std::exchange(work.attempt, {}))) {
        co_return RelayOutcome(ports::RunInterrupted{});
      }
      work.sink->waiting();
      work.place.reset();
      if (!co_await stop.sleep_for(kDownPause * 4)) co_return RelayOutcome(ports::RunInterrupted{});
      continue;
    }
    if (work.attempt.empty()) {
      work.attempt = new_id(clock_.now());
      work.intended_at = clock_.now();
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
    report.wait = not_now->throttled || not_now->wait > Duration{} ? not_now->wait : kDownPause;
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
  if (const auto* accepted = std::get_if<Accepted>(&answer)) claim_remote(work.place->at(), accepted->snapshot.id);
  enter(work.key, -1);
  report(work, reply, answer, took);
  if (auto* accepted = std::get_if<Accepted>(&answer)) co_return co_await accept(work, std::move(accepted->snapshot));
  if (auto* refused = std::get_if<Refused>(&answer)) {
    co_return Handed(RelayOutcome(ports::RelayRefused{std::move(refused->refusal)}));
  }
  if (const auto* ambiguous = std::get_if<Ambiguous>(&answer)) {
    log::warn("the answer to a create was lost", {{"prediction", work.request.prediction->id},
                                                  {"account", work.place->account()},
                                                  {"why", scrubber.clean(ambiguous->why)}});
    work.sink->waiting();
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

async::Task<ReplicateRelay::Handed> ReplicateRelay::settle(Work& work) {
  const auto& p = *work.request.prediction;
  if (work.key.empty()) work.prepare_key();
  bool seen_none = false;
  for (std::size_t tries = 0; tries < kLookUps.size();) {
    if (!co_await work.request.stop.sleep_for(kLookUps[tries])) co_return RelayOutcome(ports::RunInterrupted{});
    auto found = co_await look_up(work);
    if (found && found->snapshot) {
      log::info("a create whose answer was lost was found upstream", {{"prediction", p.id}});
      co_return co_await accept(work, std::move(*found->snapshot));
    }
    if (found && found->several) break;
    if (found) {
      ++tries;
      seen_none = true;
    } else if (clock_.now() - work.intended_at > kLookUpPatience) {
      break;
    }
  }
  if (seen_none && work.place->at()->upstream->options.idempotent) {
    // The upstream knows the attempt by its key: the same create again is the same create.
    auto input = co_await input_for(work);
    if (!input) co_return RelayOutcome(ports::RunInterrupted{});
    bool sent = false;
    pool_.begin(*work.place);
    const auto reply = co_await post(work, std::move(*input), sent);
    auto answer = read_create_answer(reply, sent, work.place->at()->upstream->scrubber);
    report(work, reply, answer, {});
    if (auto* accepted = std::get_if<Accepted>(&answer)) {
      claim_remote(work.place->at(), accepted->snapshot.id);
      co_return co_await accept(work, std::move(accepted->snapshot));
    }
    if (auto* refused = std::get_if<Refused>(&answer)) {
      co_return RelayOutcome(ports::RelayRefused{std::move(refused->refusal)});
    }
    co_return RelayOutcome(ports::RunInterrupted{});
  }
  co_return RelayOutcome(ports::RelayUnknown{std::string(kLost)});
}

/// Creates of one input at one account are looked up one after the other, and not while another of them waits for its
/// answer: else two would take one upstream prediction for theirs.
async::Task<Result<ReplicateRelay::Found>> ReplicateRelay::look_up(Work& work) {
  const auto waited_until = clock_.now() + work.place->at()->upstream->options.submit_limit;
  const auto begin = [&] {
    std::scoped_lock lock(mutex_);
    const bool alone = !posting_.contains(work.key) || clock_.now() >= waited_until;
    return alone && looking_.insert(work.key).second;
  };
  while (!begin()) {
    if (!co_await work.request.stop.sleep_for(100ms)) co_return fail(ErrorCode::canceled, "stopped");
  }
  auto found = co_await search(work);
  std::scoped_lock lock(mutex_);
  looking_.erase(work.key);
  co_return found;
}

async::Task<Result<ReplicateRelay::Found>> ReplicateRelay::search(Work& work) {
  const auto& p = *work.request.prediction;
  const auto account = work.place->at();
  const auto from = work.intended_at - kClockSkew;
  const auto to = work.intended_at + account->upstream->options.submit_limit + kClockSkew;
  std::vector<Snapshot> matching;
  std::string cursor;
  for (int i = 0; i < kLookUpPages; ++i) {
    auto page = co_await client_.list(account, p.training.has_value(), from, to, std::move(cursor), work.request.stop);
    if (!page) co_return std::unexpected(page.error());
    bool older = false;
    for (auto& shown : page->items) {
      if (shown.created_at && *shown.created_at < from) older = true;
      const bool in_time = !shown.created_at || (*shown.created_at >= from && *shown.created_at < to);
      if (!in_time || !may_be(shown, *p.relay, work.canonical_input, work.hidden)) continue;
      if (is_claimed(account, shown.id)) continue;
      auto owner = co_await store_.find_by_remote_id(account->upstream->options.name, shown.id);
      if (owner) continue;
      if (owner.error().code != ErrorCode::not_found) co_return std::unexpected(owner.error());
      matching.push_back(std::move(shown));
    }
    cursor = std::move(page->next);
    if (cursor.empty() || older) break;
  }
  if (matching.size() > 1) co_return Found{std::nullopt, true};
  if (matching.empty()) co_return Found{};
  claim_remote(account, matching.front().id);
  co_return Found{std::move(matching.front()), false};
}

}  // namespace hekto::runners::replicate
