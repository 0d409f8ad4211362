// SPDX-License-Identifier: Apache-2.0
#include "tests/support/memory_store.h"

#include <algorithm>
#include <utility>

namespace hekto::test {

using async::Task;
using domain::Prediction;

namespace {

template <class Range, class Value, class Projection = std::identity>
bool contains(const Range& range, const Value& value, Projection projection = {}) {
  return std::ranges::find(range, value, projection) != std::ranges::end(range);
}

}  // namespace

Task<Result<void>> MemoryStore::create_account(domain::Account account) {
  std::scoped_lock lock(mutex_);
  for (const auto& other : accounts_) {
    if (other.name == account.name || other.id == account.id) co_return fail(ErrorCode::conflict, "taken");
  }
  accounts_.push_back(std::move(account));
  co_return Result<void>();
}

Task<Result<std::vector<domain::Account>>> MemoryStore::list_accounts() {
  std::scoped_lock lock(mutex_);
  co_return accounts_;
}

Task<Result<void>> MemoryStore::create_key(domain::Key key) {
  std::scoped_lock lock(mutex_);
  if (!contains(accounts_, key.account, &domain::Account::id)) {
    co_return fail(ErrorCode::not_found, "no such account");
  }
  if (contains(keys_, key.id, &domain::Key::id)) co_return fail(ErrorCode::conflict, "taken");
  keys_.push_back(std::move(key));
  co_return Result<void>();
}

Task<Result<std::vector<domain::Key>>> MemoryStore::list_keys() {
  std::scoped_lock lock(mutex_);
  co_return keys_;
}

Task<Result<domain::Key>> MemoryStore::revoke_key(std::string key_id, Time now) {
  std::scoped_lock lock(mutex_);
  const auto key = std::ranges::find(keys_, key_id, &domain::Key::id);
  if (key == keys_.end()) co_return fail(ErrorCode::not_found, "no such key");
  if (!key->revoked_at) key->revoked_at = now;
  co_return *key;
}

Task<Result<std::string>> MemoryStore::setting(std::string name, std::string value) {
  std::scoped_lock lock(mutex_);
  co_return settings_.emplace(std::move(name), std::move(value)).first->second;
}

Result<void> MemoryStore::add(Prediction prediction) {
  const auto is_destination = [&](const auto& entry) {
    return entry.second.account == prediction.account &&
           entry.first.first + "/" + entry.first.second == prediction.training->destination;
  };
  const bool elsewhere = prediction.training && prediction.relay && prediction.training->base.empty();
  if (prediction.training && !elsewhere && std::ranges::none_of(models_, is_destination)) {
    return fail(ErrorCode::not_found, "no such destination");
  }
  if (!places_.emplace(prediction.id, predictions_.size()).second) return fail(ErrorCode::conflict, "taken");
  predictions_.push_back(std::move(prediction));
  return {};
}

Task<Result<void>> MemoryStore::create_prediction(Prediction prediction) {
  std::scoped_lock lock(mutex_);
  co_return add(std::move(prediction));
}

Task<Result<ports::Creation>> MemoryStore::create_prediction_once(Prediction prediction, domain::CreateMark mark) {
  using enum ports::Creation::Outcome;
  std::scoped_lock lock(mutex_);
  for (auto kept = marks_.rbegin(); kept != marks_.rend(); ++kept) {
    if (!domain::recognises(kept->mark, mark, prediction.created_at)) continue;
    if (kept->mark.request != mark.request) co_return ports::Creation{differs, {}};
    if (mark.retry) kept->mark = mark;
    co_return ports::Creation{repeated, predictions_[places_.at(kept->prediction_id)]};
  }
  if (const auto added = add(prediction); !added) co_return std::unexpected(added.error());
  marks_.push_back({std::move(mark), prediction.id});
  co_return ports::Creation{created, std::move(prediction)};
}

Task<Result<std::size_t>> MemoryStore::forget_marks(Time now, std::size_t limit) {
  std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  std::erase_if(marks_, [&](const KeptMark& kept) { return kept.mark.expires_at <= now && count++ < limit; });
  co_return std::min(count, limit);
}

Task<Result<Prediction>> MemoryStore::find_prediction(std::string id) {
  std::scoped_lock lock(mutex_);
  const auto place = places_.find(id);
  if (place == places_.end()) co_return fail(ErrorCode::not_found, "no such prediction");
  co_return predictions_[place->second];
}

Task<Result<ports::PredictionPage>> MemoryStore::list_predictions(ports::PredictionQuery query) {
  std::scoped_lock lock(mutex_);
  std::size_t begin = 0;
  std::size_t end = predictions_.size();
  for (const bool after : {true, false}) {
    const auto& cursor = after ? query.after_id : query.before_id;
    if (!cursor) continue;
    const auto place = places_.find(*cursor);
    if (place == places_.end() || predictions_[place->second].account != query.account) {
      co_return fail(ErrorCode::not_found, "no such prediction");
    }
    (after ? begin : end) = after ? place->second + 1 : place->second;
  }
  std::vector<const Prediction*> matching;  // oldest first
  for (std::size_t i = begin; i < end; ++i) {
    const auto& p = predictions_[i];
    const auto shown = p.upstream_times.created.value_or(p.created_at);
    if (p.account == query.account && p.training.has_value() == query.trainings &&
        (!query.created_after || shown >= *query.created_after) &&
        (!query.created_before || shown < *query.created_before)) {
      matching.push_back(&p);
    }
  }
  ports::PredictionPage page;
  page.more = matching.size() > query.limit;
  if (page.more && query.after_id && !query.before_id) {
    matching.resize(query.limit);
  } else if (page.more) {
    matching.erase(matching.begin(), matching.end() - static_cast<std::ptrdiff_t>(query.limit));
  }
  std::ranges::reverse(matching);
  for (const auto* p : matching) page.items.push_back(*p);
  co_return page;
}

Task<Result<Prediction>> MemoryStore::claim(std::string id, Time now) {
  std::scoped_lock lock(mutex_);
  const auto place = places_.find(id);
  if (place == places_.end()) co_return fail(ErrorCode::not_found, "no such prediction");
  auto claimed = domain::apply(predictions_[place->second], domain::Claimed{}, now);
  if (claimed) predictions_[place->second] = *claimed;
  co_return claimed;
}

Task<Result<Prediction>> MemoryStore::record(ports::Lease lease, std::vector<domain::Event> events, Time now) {
  std::scoped_lock lock(mutex_);
  const auto place = places_.find(lease.prediction_id);
  if (place == places_.end()) co_return fail(ErrorCode::not_found, "no such prediction");
  Prediction p = predictions_[place->second];
  if (domain::is_terminal(p.status) || p.epoch != lease.epoch) co_return fail(ErrorCode::conflict, "ended or stale");
  std::string made;
  for (const auto& event : events) {
    if (std::holds_alternative<domain::Claimed>(event) || std::holds_alternative<domain::Purged>(event)) {
      co_return fail(ErrorCode::invalid_input, "not a worker's event");
    }
    if (const auto* succeeded = std::get_if<domain::Succeeded>(&event)) made = succeeded->made;
    auto next = domain::apply(std::move(p), event, now);
    if (!next) co_return next;
    p = std::move(*next);
  }
  predictions_[place->second] = p;
  if (domain::is_terminal(p.status)) tell_end(p);
  keep_version(p, made);
  co_return p;
}

Task<Result<Prediction>> MemoryStore::end(std::string id, domain::Event event, Time now) {
  std::scoped_lock lock(mutex_);
  const auto place = places_.find(id);
  if (place == places_.end()) co_return fail(ErrorCode::not_found, "no such prediction");
  if (domain::is_terminal(predictions_[place->second].status)) co_return fail(ErrorCode::conflict, "has ended");
  auto ended = domain::apply(predictions_[place->second], event, now);
  if (!ended) co_return ended;
  if (!domain::is_terminal(ended->status)) co_return fail(ErrorCode::invalid_input, "does not end it");
  ++ended->epoch;
  predictions_[place->second] = *ended;
  tell_end(*ended);
  co_return ended;
}

Task<Result<std::vector<ports::Unfinished>>> MemoryStore::unfinished(std::string after_id, std::size_t limit) {
  std::scoped_lock lock(mutex_);
  std::size_t begin = 0;
  if (!after_id.empty()) {
    const auto place = places_.find(after_id);
    if (place == places_.end()) co_return fail(ErrorCode::not_found, "no such prediction");
    begin = place->second + 1;
  }
  std::vector<ports::Unfinished> found;
  for (std::size_t i = begin; i < predictions_.size() && found.size() < limit; ++i) {
    const auto& p = predictions_[i];
    if (!domain::is_terminal(p.status)) found.push_back({p.id, p.status, p.deadline, p.relay.has_value()});
  }
  co_return found;
}

Task<Result<std::vector<std::string>>> MemoryStore::purge(Time completed_before, std::size_t limit, Time now) {
  std::scoped_lock lock(mutex_);
  std::vector<Prediction*> due;
  for (auto& p : predictions_) {
    if (domain::is_terminal(p.status) && !p.data_removed && p.completed_at < completed_before) due.push_back(&p);
  }
  std::ranges::sort(due, {},
                    [](const Prediction* p) { return std::pair(p->completed_at, p); });  // then the older first
  due.resize(std::min(due.size(), limit));
  std::vector<std::string> ids;
  for (auto* p : due) {
    for (const auto& file : p->output.files) {
      const bool known =
          std::ranges::any_of(garbage_, [&](const auto& g) { return g.owner == p->id && g.sha256 == file.sha256; });
      if (!known) garbage_.push_back({next_garbage_++, p->id, file.sha256});
    }
    *p = *domain::apply(std::move(*p), domain::Purged{}, now);
    ids.push_back(p->id);
  }
  co_return ids;
}

Task<Result<std::vector<ports::Garbage>>> MemoryStore::garbage(std::size_t limit) {
  std::scoped_lock lock(mutex_);
  co_return std::vector<ports::Garbage>(
      garbage_.begin(), garbage_.begin() + static_cast<std::ptrdiff_t>(std::min(limit, garbage_.size())));
}

Task<Result<void>> MemoryStore::forget_garbage(std::vector<std::int64_t> ids) {
  std::scoped_lock lock(mutex_);
  std::erase_if(garbage_, [&](const ports::Garbage& g) { return contains(ids, g.id); });
  co_return Result<void>();
}

Task<Result<std::vector<ports::Garbage>>> MemoryStore::orphans(std::vector<ports::Garbage> candidates) {
  std::scoped_lock lock(mutex_);
  std::erase_if(candidates, [&](const ports::Garbage& file) {
    const auto place = places_.find(file.owner);
    if (place != places_.end() &&
        contains(predictions_[place->second].output.files, file.sha256, &domain::OutputFile::sha256)) {
      return true;
    }
    if (std::ranges::any_of(files_, [&](const auto& f) { return f.id == file.owner && f.sha256 == file.sha256; })) {
      return true;
    }
    return std::ranges::any_of(garbage_,
                               [&](const auto& g) { return g.owner == file.owner && g.sha256 == file.sha256; });
  });
  co_return candidates;
}

}  // namespace hekto::test
