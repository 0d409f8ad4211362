// SPDX-License-Identifier: Apache-2.0
#include "service/deployments.h"

namespace hekto::service {

namespace {

/// Against others who change the same deployment at the same moment; each round one of them succeeds.
constexpr int kRounds = 20;

}  // namespace

async::Task<Result<domain::Deployment>> Deployments::create(std::string account, std::string name,
                                                            domain::Release first) {
  domain::Deployment deployment{std::move(account), std::move(name), clock_.now(), std::move(first)};
  deployment.release.number = 1;
  deployment.release.created_at = deployment.created_at;
  const auto created = co_await store_.create_deployment(deployment);
  if (!created) co_return std::unexpected(created.error());
  co_return deployment;
}

async::Task<Result<domain::Deployment>> Deployments::get(std::string account, std::string name) {
  co_return co_await store_.find_deployment(std::move(account), std::move(name));
}

async::Task<Result<ports::Page<domain::Deployment>>> Deployments::list(ports::PageQuery query) {
  co_return co_await store_.list_deployments(std::move(query));
}

async::Task<Result<domain::Deployment>> Deployments::update(std::string account, std::string name,
                                                            std::function<Result<void>(domain::Release&)> change) {
  for (int round = 1;; ++round) {
    auto deployment = co_await store_.find_deployment(account, name);
    if (!deployment) co_return deployment;
    domain::Release next = deployment->release;
    if (auto changed = change(next); !changed) co_return std::unexpected(changed.error());
    if (domain::is_same_setup(next, deployment->release)) co_return deployment;
    next.number = deployment->release.number + 1;
    next.created_at = clock_.now();
    auto released = co_await store_.release(account, name, std::move(next));
    if (released || released.error().code != ErrorCode::conflict || round == kRounds) co_return released;
  }
}

async::Task<Result<void>> Deployments::remove(std::string account, std::string name) {
  co_return co_await store_.delete_deployment(std::move(account), std::move(name));
}

}  // namespace hekto::service
