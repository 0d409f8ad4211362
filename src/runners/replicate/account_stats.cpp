// SPDX-License-Identifier: Apache-2.0
// AccountPool: what it tells of itself.
#include "runners/replicate/account_pool.h"

namespace hekto::runners::replicate {

ports::UpstreamAccountStats AccountPool::row_of(const Account& account, Time now) const {
  ports::UpstreamAccountStats row;
  row.name = account.options.name;
  if (account.breaker.why() != Breaker::Why::open) {
    row.state = to_string(account.breaker.why());
    row.until = account.breaker.until();
  } else if (now < account.throttled_until) {
    row.state = "throttled";
    row.until = account.throttled_until;
  } else if (account.silent >= kSilent) {
    row.state = "failing";
    row.until = account.ask_again;
  } else if (now < account.paused_until) {
    row.state = "failing";
    row.until = account.paused_until;
  }
  row.submitting = account.submitting;
  row.open = account.open;
  row.accepted = account.accepted;
  row.refused = account.refused;
  row.turned_away = account.turned_away;
  row.ambiguous = account.ambiguous;
  row.requests = account.requests;
  row.creates_left = account.creates.left(now);
  row.creates_a_minute = account.creates.a_minute();
  row.others_left = account.others.left(now);
  row.others_a_minute = account.others.a_minute();
  row.create_time = account.create_time;
  return row;
}

ports::RelayStats AccountPool::stats() const {
  std::scoped_lock lock(mutex_);
  const auto now = clock_.now();
  ports::RelayStats stats;
  stats.waiting = turns_.size();
  stats.waiting_by_key = turns_.by_key();
  for (const auto& account : accounts_) {
    const auto& options = account->upstream->options;
    if (stats.upstreams.empty() || stats.upstreams.back().name != options.name) {
      stats.upstreams.push_back({options.name, options.url, {}});
    }
    stats.upstreams.back().accounts.push_back(row_of(*account, now));
  }
  return stats;
}

}  // namespace hekto::runners::replicate
