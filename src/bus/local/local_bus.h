// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "ports/event_bus.h"

namespace hekto::bus {

/// ports::EventBus within one process. Outlives its subscriptions.
class LocalBus final : public ports::EventBus {
 public:
  LocalBus();
  ~LocalBus() override;

  void publish(std::string_view prediction_id) override;
  std::unique_ptr<Subscription> subscribe(std::string_view prediction_id, async::Executor executor) override;

  /// How many subscriptions there are now, for the metrics. Any thread.
  std::size_t subscriptions() const;

 private:
  class Local;
  struct Mailbox;
  /// A part of the map with a lock of its own, so that publishers of different predictions seldom meet.
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, std::vector<std::shared_ptr<Mailbox>>, StringHash, std::equal_to<>> mailboxes;
  };

  Shard& shard_of(std::string_view id);
  void unsubscribe(const std::string& id, const std::shared_ptr<Mailbox>& mailbox);

  std::array<Shard, 16> shards_;
};

}  // namespace hekto::bus
