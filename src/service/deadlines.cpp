// SPDX-License-Identifier: Apache-2.0
#include "service/deadlines.h"

namespace hekto::service {

void Deadlines::add(Time deadline, std::string id) {
  std::scoped_lock lock(mutex_);
  items_.emplace(deadline, std::move(id));
}

std::vector<std::string> Deadlines::take_due(Time now) {
  std::vector<std::string> due;
  std::scoped_lock lock(mutex_);
  while (!items_.empty() && items_.top().first <= now) {
    due.push_back(items_.top().second);
    items_.pop();
  }
  return due;
}

}  // namespace hekto::service
