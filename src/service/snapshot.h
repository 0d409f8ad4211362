// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "domain/prediction.h"
#include "json/prediction_json.h"

namespace hekto::service {

/// One state of a prediction, immutable, with its JSON text made once for each of the origins it is asked from.
class Snapshot {
 public:
  explicit Snapshot(domain::Prediction p) : value(std::move(p)) {}
  const domain::Prediction value;

  /// The prediction object, written on the first call. Any thread.
  std::shared_ptr<const std::string> rendered(const json::UrlContext& urls) const;
  /// Bytes this snapshot holds, about.
  std::size_t cost() const {
    return 1024 + 2 * (value.input.size() + value.logs.size()) + 256 * value.output.items.size();
  }

 private:
  struct Text {
    std::string base;  ///< origin + mount
    std::shared_ptr<const std::string> body;
  };
  mutable std::mutex mutex_;
  mutable std::array<Text, 2> texts_;  // guarded by mutex_; both mounts of one origin fit
  mutable std::size_t next_ = 0;       // guarded by mutex_; the one to replace
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// The predictions of late, so that polling reads no database. Least recently used ones go when the byte limit is
/// reached. Any thread.
class Recent {
 public:
  explicit Recent(std::size_t max_bytes = 64 << 20) : max_bytes_a_shard_(max_bytes / kShards) {}

  /// nullptr when not held.
  SnapshotPtr find(std::string_view id);
  /// Keeps `p` unless a later state is held already; returns what is held then.
  SnapshotPtr put(domain::Prediction p);
  /// The same for one that was read from the store. What was erased since `ticket` was drawn, before the reading began,
  /// may have been later: then `p` is returned and not kept.
  SnapshotPtr put_read(domain::Prediction p, std::uint64_t ticket);
  std::uint64_t ticket(std::string_view id);
  void erase(std::string_view id);

 private:
  static constexpr std::size_t kShards = 16;
  struct Entry {
    std::string id;
    SnapshotPtr snapshot;
    std::size_t cost;
  };
  struct Shard {
    std::mutex mutex;
    std::list<Entry> order;  // most recent first
    std::unordered_map<std::string_view, std::list<Entry>::iterator, StringHash, std::equal_to<>> by_id;  // into order
    std::size_t bytes = 0;
    std::uint64_t erasures = 0;
  };
  SnapshotPtr put(domain::Prediction p, std::optional<std::uint64_t> ticket);
  Shard& shard_of(std::string_view id) { return shards_[StringHash{}(id) % kShards]; }

  const std::size_t max_bytes_a_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace hekto::service
