// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "domain/link.h"
#include "ports/clock.h"
#include "ports/store.h"

namespace hekto::service {

/// What owners and operators do about webhooks. Any thread.
class Webhooks {
 public:
  /// `wake` is called when a message became due; empty when nobody sends from this process.
  Webhooks(ports::Store& store, const ports::Clock& clock, const domain::LinkSigner& signer, std::function<void()> wake)
      : store_(store), clock_(clock), signer_(signer), wake_(std::move(wake)) {}

  /// The secret that an account's webhooks are signed with, made at the first call.
  async::Task<Result<Secret>> secret(std::string account_id);
  /// A new secret for the account of this name. The one before signs too for another day, so that receivers can change
  /// over. not_found for an unknown account.
  async::Task<Result<domain::WebhookSecrets>> rotate(std::string account_name);

  struct Item {
    ports::WebhookRecord record;
    std::string account_name;
  };
  /// Newest first; `account_name` empty: of all accounts. not_found for an unknown one.
  async::Task<Result<std::vector<Item>>> list(std::string account_name, bool undelivered_only, std::size_t limit);
  /// Sends the message of this id, or of the prediction of this id, again, whatever became of it. The payload of one
  /// that was delivered is made anew. not_found when there is none.
  async::Task<Result<void>> resend(std::string id);

 private:
  async::Task<Result<domain::Account>> account_named(std::string name);

  ports::Store& store_;
  const ports::Clock& clock_;
  const domain::LinkSigner& signer_;
  const std::function<void()> wake_;
};

}  // namespace hekto::service
