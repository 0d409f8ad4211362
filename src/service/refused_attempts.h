// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/time.h"
#include "domain/create_mark.h"

namespace hekto::service {

/// Attempts of counting clients that were refused (429, 503), so that the attempt which follows one is not taken for
/// the repeat of an earlier, identical create: that one was answered, and another is wanted. In memory and for as long
/// as a mark counts. Any thread.
class RefusedAttempts {
 public:
  /// Beyond `limit` of them no further ones are kept.
  explicit RefusedAttempts(std::size_t limit = 10'000) : limit_(limit) {}

  /// `mark` by retry was refused. Kept when it is a first attempt or follows one that was refused, because otherwise an
  /// earlier attempt may have made something.
  void note(const domain::CreateMark& mark, Time now);
  /// Whether the attempt before `mark`, by retry, was refused. Each counts for one that follows it.
  bool take(const domain::CreateMark& mark, Time now);

 private:
  bool take_before(const domain::CreateMark& mark);
  void forget_expired(Time now);

  const std::size_t limit_;
  std::mutex mutex_;  // guards everything below
  std::unordered_map<std::string, std::size_t> counts_;
  std::deque<std::pair<Time, std::string>> order_;  // in the order of their coming, with their expiry
};

}  // namespace hekto::service
