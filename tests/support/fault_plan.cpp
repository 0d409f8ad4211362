// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fault_plan.h"

#include <algorithm>

namespace hekto::test {

void FaultPlan::fail(std::string method, int nth, Error error) {
  std::scoped_lock lock(mutex_);
  faults_.push_back({std::move(method), nth, false, std::move(error)});
}

void FaultPlan::lose_answer(std::string method, int nth, Error error) {
  std::scoped_lock lock(mutex_);
  faults_.push_back({std::move(method), nth, true, std::move(error)});
}

void FaultPlan::hold(std::string method, async::StopToken released) {
  std::scoped_lock lock(mutex_);
  faults_.push_back({std::move(method), 1, false, {}, std::move(released)});
}

int FaultPlan::calls(std::string_view method) const {
  std::scoped_lock lock(mutex_);
  return static_cast<int>(
      std::ranges::count_if(history_, [method](const std::string& name) { return method.empty() || name == method; }));
}

std::optional<FaultPlan::Fault> FaultPlan::next(std::string_view method) {
  std::scoped_lock lock(mutex_);
  history_.emplace_back(method);
  std::optional<Fault> due;
  for (auto fault = faults_.begin(); fault != faults_.end();) {
    const bool counts = fault->method.empty() || fault->method == method;
    if (counts && --fault->countdown == 0) {
      if (!due) due = std::move(*fault);
      fault = faults_.erase(fault);
    } else {
      ++fault;
    }
  }
  return due;
}

}  // namespace hekto::test
