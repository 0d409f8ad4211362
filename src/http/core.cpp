// SPDX-License-Identifier: Apache-2.0
#include "http/core.h"

namespace hekto::http {

namespace {

/// So many connections may be told at one time that there are too many; beyond, they are closed without a word.
constexpr std::size_t kMaxRefusing = 256;

}  // namespace

std::optional<Seat> Seat::take(const std::shared_ptr<Core>& core, const Peer& peer) {
  const Limits& limits = core->limits;
  bool full = core->connections.fetch_add(1) >= limits.connections;
  std::string address;
  if (!full && limits.connections_per_address > 0 && !peer.loopback && !peer.trusted_proxy) {
    std::scoped_lock lock(core->mutex);
    std::size_t& count = core->per_address[peer.text];
    full = count >= limits.connections_per_address;
    if (!full) {
      ++count;
      address = peer.text;
    }
  }
  if (!full) return Seat(core, Kind::regular, std::move(address));
  core->connections.fetch_sub(1);
  core->refused.fetch_add(1, std::memory_order_relaxed);
  if (core->refusing.fetch_add(1) < kMaxRefusing) return Seat(core, Kind::refused, {});
  core->refusing.fetch_sub(1);
  return std::nullopt;
}

Seat::~Seat() {
  if (core_ == nullptr) return;
  if (!address_.empty()) {
    std::scoped_lock lock(core_->mutex);
    const auto entry = core_->per_address.find(address_);
    if (entry != core_->per_address.end() && --entry->second == 0) core_->per_address.erase(entry);
  }
  (kind_ == Kind::regular ? core_->connections : core_->refusing).fetch_sub(1);
  if (core_->draining.load()) {
    // Taken so that the one who drains is either before its check or already waiting.
    std::scoped_lock lock(core_->mutex);
    core_->changed.notify_all();
  }
}

}  // namespace hekto::http
