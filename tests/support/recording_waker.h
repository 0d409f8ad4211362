// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "ports/relay.h"

namespace hekto::test {

/// Keeps what it was told to wake. Any thread.
class RecordingWaker final : public ports::RelayWaker {
 public:
  void wake(std::string_view id) override {
    std::scoped_lock lock(mutex_);
    woken_.emplace_back(id);
  }
  /// In order, since forget().
  std::vector<std::string> woken() const {
    std::scoped_lock lock(mutex_);
    return woken_;
  }
  void forget() {
    std::scoped_lock lock(mutex_);
    woken_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> woken_;  // guarded by mutex_
};

}  // namespace hekto::test
