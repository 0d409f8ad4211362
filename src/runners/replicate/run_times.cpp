// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/run_times.h"

#include <algorithm>
#include <vector>

namespace hekto::runners::replicate {

void RunTimes::learn(const std::string& model, Duration took) {
  // However many models there are: forgetting all costs a few looks, once.
  if (models_.size() >= kModels && !models_.contains(model)) models_.clear();
  auto& learnt = models_[model];
  learnt.last.push_back(std::max(took, Duration{}));
  if (learnt.last.size() > kKept) learnt.last.pop_front();
  std::vector<Duration> sorted(learnt.last.begin(), learnt.last.end());
  std::ranges::sort(sorted);
  const auto at = [&](std::size_t percent) { return sorted[(sorted.size() - 1) * percent / 100]; };
  learnt.end = {at(10) * 9 / 10, at(90) * 5 / 4 + kShortest};
}

bool RunTimes::is_near_end(const std::string& model, Duration age) const {
  const auto found = models_.find(model);
  if (found == models_.end() || found->second.last.size() < kEnough) return false;
  return age >= found->second.end.from && age <= found->second.end.to;
}

Duration RunTimes::next_look(const std::string& model, Duration age) const {
  const auto usual = std::clamp<Duration>(age / 10, kShortest, kLongest);
  const auto found = models_.find(model);
  if (found == models_.end() || found->second.last.size() < kEnough) return usual;
  const auto& end = found->second.end;
  // Before the end is due, logs and partial output are worth a look now and then.
  if (age < end.from) return std::clamp<Duration>(end.from - age, kShortest, kLongest);
  if (age > end.to) return usual;
  return std::clamp<Duration>((end.to - end.from) / 10, kShortest, std::chrono::milliseconds(500));
}

}  // namespace hekto::runners::replicate
