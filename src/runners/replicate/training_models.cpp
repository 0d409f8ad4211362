// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/training_models.h"

#include "base/encoding.h"
#include "json/value_json.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using domain::Value;

std::unexpected<Error> unanswered(std::string_view what, int status) {
  return fail(ErrorCode::unavailable, std::string(what) + " answered " + std::to_string(status));
}

/// A machine that the upstream has; the model itself is never run by it.
std::string first_sku(const Value& hardware) {
  const auto* list = hardware.as_array();
  return list == nullptr || list->empty() ? std::string() : std::string(list->front().text_of("sku"));
}

std::string name_of(const Account& account) { return account.upstream->options.name + "/" + account.options.name; }

}  // namespace

async::Task<Result<std::string>> TrainingModels::owner_at(AccountPtr account, async::StopToken stop) {
  const auto key = name_of(*account);
  {
    std::scoped_lock lock(mutex_);
    if (const auto known = owners_.find(key); known != owners_.end()) co_return known->second;
  }
  const auto reply = co_await client_.get(account, "/v1/account", stop);
  if (!reply) co_return std::unexpected(reply.error());
  const auto body = json::parse(reply->body);
  const auto owner = body ? std::string(body->text_of("username")) : std::string();
  if (reply->status != 200 || owner.empty()) co_return unanswered("the upstream's account", reply->status);
  std::scoped_lock lock(mutex_);
  owners_[key] = owner;
  co_return owner;
}

async::Task<Result<std::string>> TrainingModels::model_for(AccountPtr account, std::string destination,
                                                           async::StopToken stop) {
  const auto key = name_of(*account) + "/" + destination;
  {
    std::scoped_lock lock(mutex_);
    if (const auto known = made_.find(key); known != made_.end()) co_return known->second;
  }
  const auto owner = co_await owner_at(account, stop);
  if (!owner) co_return std::unexpected(owner.error());
  const auto name = training_model_name(destination);
  const auto path = "/v1/models/" + percent_encode(*owner) + "/" + percent_encode(name);
  auto there = co_await client_.get(account, path, stop);
  if (!there) co_return std::unexpected(there.error());
  if (there->status == 404) {
    const auto machines = co_await client_.get(account, "/v1/hardware", stop);
    if (!machines) co_return std::unexpected(machines.error());
    const auto skus = json::parse(machines->body);
    ports::HttpRequest request;
    request.method = "POST";
    request.limit = 20s;
    request.stop = stop;
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = json::dump(Value::Object{{"owner", *owner},
                                            {"name", name},
                                            {"visibility", "private"},
                                            {"hardware", skus ? first_sku(*skus) : std::string()}});
    // One that was made by a create whose answer was lost, or by another at this moment, is found by the next look.
    const auto reply = co_await client_.send(account, std::move(request), "/v1/models");
    if (!reply) co_return std::unexpected(reply.error());
    there = co_await client_.get(account, path, stop);
    if (!there) co_return std::unexpected(there.error());
    const bool refused = reply->status >= 400 && reply->status < 500 && reply->status != 429;
    if (there->status == 404 && refused) {
      co_return fail(ErrorCode::invalid_input,
                     "The training's destination could not be made where it was to be trained");
    }
  }
  if (there->status != 200) co_return unanswered("the upstream's model", there->status);
  std::scoped_lock lock(mutex_);
  if (made_.size() >= kKept) made_.clear();
  co_return made_[key] = *owner + "/" + name;
}

}  // namespace hekto::runners::replicate
