// SPDX-License-Identifier: Apache-2.0
#include "service/snapshot.h"

namespace hekto::service {
namespace {

bool is_base(std::string_view base, const json::UrlContext& urls) {
  return base.size() == urls.origin.size() + urls.mount.size() && base.starts_with(urls.origin) &&
         base.ends_with(urls.mount);
}

}  // namespace

std::shared_ptr<const std::string> Snapshot::rendered(const json::UrlContext& urls) const {
  std::scoped_lock lock(mutex_);
  for (const auto& text : texts_) {
    if (text.body && is_base(text.base, urls)) return text.body;
  }
  auto body = std::make_shared<std::string>();
  json::append_prediction(*body, value, urls);
  Text& slot = texts_[next_++ % texts_.size()];
  slot.base.assign(urls.origin).append(urls.mount);
  slot.body = std::move(body);
  return slot.body;
}

SnapshotPtr Recent::find(std::string_view id) {
  Shard& shard = shard_of(id);
  std::scoped_lock lock(shard.mutex);
  const auto it = shard.by_id.find(id);
  if (it == shard.by_id.end()) return nullptr;
  if (it->second != shard.order.begin()) shard.order.splice(shard.order.begin(), shard.order, it->second);
  return it->second->snapshot;
}

SnapshotPtr Recent::put(domain::Prediction p) { return put(std::move(p), std::nullopt); }

SnapshotPtr Recent::put_read(domain::Prediction p, std::uint64_t ticket) {
  return put(std::move(p), std::optional(ticket));
}

std::uint64_t Recent::ticket(std::string_view id) {
  Shard& shard = shard_of(id);
  std::scoped_lock lock(shard.mutex);
  return shard.erasures;
}

SnapshotPtr Recent::put(domain::Prediction p, std::optional<std::uint64_t> ticket) {
  Shard& shard = shard_of(p.id);
  auto fresh = std::make_shared<const Snapshot>(std::move(p));
  const std::size_t cost = fresh->cost();
  const std::string& id = fresh->value.id;
  std::scoped_lock lock(shard.mutex);
  if (const auto it = shard.by_id.find(id); it != shard.by_id.end()) {
    if (!domain::is_later(fresh->value, it->second->snapshot->value)) return it->second->snapshot;
    shard.bytes += cost - it->second->cost;
    it->second->snapshot = fresh;
    it->second->cost = cost;
    shard.order.splice(shard.order.begin(), shard.order, it->second);
  } else if (ticket && *ticket != shard.erasures) {
    return fresh;
  } else {
    shard.order.push_front({id, fresh, cost});
    shard.by_id.emplace(shard.order.front().id, shard.order.begin());
    shard.bytes += cost;
  }
  while (shard.bytes > max_bytes_a_shard_ && shard.order.size() > 1) {
    shard.bytes -= shard.order.back().cost;
    shard.by_id.erase(shard.order.back().id);
    shard.order.pop_back();
  }
  return fresh;
}

void Recent::erase(std::string_view id) {
  Shard& shard = shard_of(id);
  std::scoped_lock lock(shard.mutex);
  ++shard.erasures;
  const auto it = shard.by_id.find(id);
  if (it == shard.by_id.end()) return;
  const auto entry = it->second;
  shard.bytes -= entry->cost;
  shard.by_id.erase(it);
  shard.order.erase(entry);
}

}  // namespace hekto::service
