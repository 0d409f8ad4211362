// SPDX-License-Identifier: Apache-2.0
#include "service/submissions.h"

#include <map>

namespace hekto::service {

async::Task<Result<std::vector<Submissions::Item>>> Submissions::unknown(std::size_t limit) {
  auto found = co_await store_.unknown_submissions(limit);
  if (!found) co_return std::unexpected(found.error());
  const auto accounts = co_await store_.list_accounts();
  if (!accounts) co_return std::unexpected(accounts.error());
  std::map<std::string, std::string> names;
  for (const auto& account : *accounts) names.emplace(account.id, account.name);
  std::vector<Item> items;
  for (auto& prediction : *found) {
    auto name = names[prediction.account];
    items.push_back({std::move(prediction), std::move(name)});
  }
  co_return items;
}

async::Task<Result<void>> Submissions::settle(std::string prediction_id) {
  const auto nothing = [&] {
    return fail(ErrorCode::not_found, "there is no unknown submission of a prediction " + prediction_id);
  };
  const auto found = co_await store_.find_prediction(prediction_id);
  if (!found && found.error().code != ErrorCode::not_found) co_return std::unexpected(found.error());
  if (!found || !found->submission || found->submission->state != domain::Submission::State::unknown ||
      found->submission->settled) {
    co_return nothing();
  }
  const auto noted = co_await store_.note_submission(
      prediction_id, domain::SubmissionSettled{found->submission->attempt}, clock_.now());
  // Of two operators at once one comes second.
  if (!noted && noted.error().code == ErrorCode::conflict) co_return nothing();
  if (!noted) co_return std::unexpected(noted.error());
  co_return Result<void>{};
}

}  // namespace hekto::service
