// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/run_times.h"

#include <algorithm>
#include <vector>

namespace hekto::runners::replicate {

void RunTimes::Series::add(Duration took) {
  last.push_back(std::max(took, Duration{}));
  if (last.size() > kKept) last.pop_front();
  std::vector<Duration> sorted(last.begin(), last.end());
  std::ranges::sort(sorted);
  const auto at = [&](std::size_t percent) { return sorted[(sorted.size() - 1) * percent / 100]; };
  // A few have shown less than the whole spread.
  const Duration margin = std::max(kShortest, (at(90) - at(10)) / 8);
  most = {std::max(Duration{}, at(5) - margin), at(95) + margin};
}

void RunTimes::learn(const std::string& model, Duration total, std::optional<Duration> run) {
  // However many models there are: forgetting all costs a few looks, once.
  if (models_.size() >= kModels && !models_.contains(model)) models_.clear();
  auto& learnt = models_[model];
  learnt.total.add(total);
  if (run) learnt.run.add(*run);
}

RunTimes::Look RunTimes::within(const Span& end, Duration at) {
  // Before the end is due, the start, logs and partial output are worth a look now and then.
  if (at < end.from) {
    const auto wait = std::clamp<Duration>(end.from - at, kShortest, kLongest);
    return {wait, at + wait >= end.from};
  }
  if (at > end.to) return {std::clamp<Duration>((at - end.to) / 4, kShortest, kLongest), true};
  return {std::clamp<Duration>((end.to - end.from) / 10, kShortest, kLongestNear), true};
}

RunTimes::Look RunTimes::next(const std::string& model, Duration age, std::optional<Duration> running) const {
  const auto found = models_.find(model);
  if (found == models_.end() || found->second.total.last.size() < kEnough) {
    return {std::clamp<Duration>(age / 10, kShortest, kLongest), false};
  }
  const auto& learnt = found->second;
  if (learnt.run.last.size() < kEnough) return within(learnt.total.most, age);
  if (running) return within(learnt.run.most, *running);
  // One that has not begun is that far from its end at least, however long it has waited.
  const Duration least = learnt.run.most.from;
  if (least >= kLongest) return {kLongest, false};
  const auto look = within(learnt.total.most, age);
  // Where they queue for longer than they used to, none of those that wait may crowd out one that is at work.
  return {std::max(look.wait, least), look.near && age <= learnt.total.most.to};
}

}  // namespace hekto::runners::replicate
