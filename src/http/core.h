// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/text.h"
#include "http/address.h"
#include "http/head.h"
#include "http/server.h"
#include "http/tls.h"

namespace hekto::http {

/// What a listener, its io threads and its connections share; it lives as long as the last of them.
struct Core {
  Core(const Router& r, Observer o, const Limits& l) : router(r), observer(std::move(o)), limits(l) {}

  // Constant after start().
  const Router& router;
  const Observer observer;
  const Limits limits;
  AddressSet trusted;
  std::optional<TlsContext> tls;

  HeadLimits head_limits() const { return {limits.head_bytes, limits.target_bytes, limits.header_count}; }

  // Any thread.
  std::atomic<bool> draining = false;
  std::atomic<bool> abandoned = false;  // the Server is gone: router and observer must not be touched
  std::atomic<std::size_t> connections = 0;
  std::atomic<std::size_t> refusing = 0;  // connections that only get their 503
  std::atomic<std::uint64_t> refused = 0;

  std::mutex mutex;
  std::condition_variable changed;  // with mutex; signalled when accepting ends, and while draining when one leaves
  bool accepting = false;           // guarded by mutex
  std::unordered_map<std::string, std::size_t, StringHash, std::equal_to<>> per_address;  // guarded by mutex
};

/// A connection's place in the counts, given back when it goes.
class Seat {
 public:
  enum class Kind { regular, refused };
  /// Nullopt when not even a refusal can be afforded; `refused` when a limit is reached.
  static std::optional<Seat> take(const std::shared_ptr<Core>& core, const Peer& peer);
  ~Seat();
  Seat(Seat&&) noexcept = default;
  Seat& operator=(Seat&&) = delete;

  Kind kind() const { return kind_; }
  const std::shared_ptr<Core>& core() const { return core_; }

 private:
  Seat(std::shared_ptr<Core> core, Kind kind, std::string address)
      : core_(std::move(core)), kind_(kind), address_(std::move(address)) {}
  std::shared_ptr<Core> core_;  // null once moved from
  Kind kind_;
  std::string address_;  // empty: not counted by address
};

}  // namespace hekto::http
