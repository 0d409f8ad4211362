// SPDX-License-Identifier: Apache-2.0
#include "service/retention.h"

#include <algorithm>

#include "base/log.h"

namespace hekto::service {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBatch = 500;
constexpr std::size_t kOrphanBatch = 100'000;
/// Younger files may belong to a run whose commit is still under way.
constexpr Duration kOrphanAge = 1h;

}  // namespace

async::Task<Result<std::size_t>> Retention::sweep() {
  std::size_t count = 0;
  for (;;) {
    const Time now = clock_.now();
    auto purged = co_await store_.purge(now - keep_, kBatch, now);
    if (!purged) co_return std::unexpected(purged.error());
    for (const auto& id : *purged) recent_.erase(id);
    count += purged->size();
    if (purged->size() < kBatch) break;
  }
  for (;;) {
    const auto expired = co_await store_.expire_files(clock_.now(), kBatch);
    if (!expired) co_return std::unexpected(expired.error());
    if (*expired < kBatch) break;
  }
  for (;;) {
    const auto forgotten = co_await store_.forget_marks(clock_.now(), kBatch);
    if (!forgotten) co_return std::unexpected(forgotten.error());
    if (*forgotten < kBatch) break;
  }
  const auto removed = co_await remove_garbage();
  if (!removed) co_return std::unexpected(removed.error());
  co_return count;
}

async::Task<Result<void>> Retention::remove_garbage() {
  for (;;) {
    auto garbage = co_await store_.garbage(kBatch);
    if (!garbage) co_return std::unexpected(garbage.error());
    std::vector<std::int64_t> gone;
    for (const auto& item : *garbage) {
      const auto removed = co_await files_.remove({item.owner, item.sha256});
      if (!removed) co_return std::unexpected(removed.error());
      gone.push_back(item.id);
    }
    if (gone.empty()) co_return Result<void>{};
    const bool last = gone.size() < kBatch;
    const auto forgotten = co_await store_.forget_garbage(std::move(gone));
    if (!forgotten || last) co_return forgotten;
  }
}

async::Task<Result<std::size_t>> Retention::remove_orphans() {
  auto old = co_await files_.list(clock_.now() - kOrphanAge, kOrphanBatch);
  if (!old) co_return std::unexpected(old.error());
  std::size_t count = 0;
  for (std::size_t start = 0; start < old->size(); start += kBatch) {
    std::vector<ports::Garbage> candidates;
    for (std::size_t i = start; i < std::min(start + kBatch, old->size()); ++i) {
      candidates.push_back({0, (*old)[i].key.owner, (*old)[i].key.sha256});
    }
    auto orphans = co_await store_.orphans(std::move(candidates));
    if (!orphans) co_return std::unexpected(orphans.error());
    for (const auto& orphan : *orphans) {
      const auto removed = co_await files_.remove({orphan.owner, orphan.sha256});
      if (!removed) co_return std::unexpected(removed.error());
      ++count;
    }
  }
  co_return count;
}

async::Task<void> Retention::run(async::StopToken stop) {
  if (const auto orphans = co_await remove_orphans(); !orphans) {
    log::error("orphaned files could not be swept", {{"error", orphans.error().message}});
  } else if (*orphans > 0) {
    log::info("orphaned files removed", {{"count", *orphans}});
  }
  const Duration interval = std::clamp<Duration>(interval_basis_ / 10, 100ms, 30s);
  do {
    const auto purged = co_await sweep();
    if (!purged) {
      log::error("expired data could not be removed", {{"error", purged.error().message}});
    } else if (*purged > 0) {
      log::info("expired data removed", {{"predictions", *purged}});
    }
  } while (co_await stop.sleep_for(interval));
}

}  // namespace hekto::service
