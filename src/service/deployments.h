// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "domain/deployment.h"
#include "ports/clock.h"
#include "ports/store.h"

namespace hekto::service {

/// Deployments, for one owner at a time. Any thread.
class Deployments {
 public:
  Deployments(ports::Store& store, const ports::Clock& clock) : store_(store), clock_(clock) {}

  /// `first` is its first release; number and time are set here. conflict when the account has one of this name.
  async::Task<Result<domain::Deployment>> create(std::string account, std::string name, domain::Release first);
  async::Task<Result<domain::Deployment>> get(std::string account, std::string name);
  async::Task<Result<ports::Page<domain::Deployment>>> list(ports::PageQuery query);
  /// Makes a release of what `change` makes of the current one; no release when it changes nothing. `change` is called
  /// again when somebody else was faster, and its error ends the update.
  async::Task<Result<domain::Deployment>> update(std::string account, std::string name,
                                                 std::function<Result<void>(domain::Release&)> change);
  async::Task<Result<void>> remove(std::string account, std::string name);

 private:
  ports::Store& store_;
  const ports::Clock& clock_;
};

}  // namespace hekto::service
