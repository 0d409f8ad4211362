// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/admin_commands.h"

namespace hekto::cli {

struct ListWebhooksOptions {
  std::string account;  ///< empty: all
  bool failed = false;  ///< only those given up, and those that failed and are to be tried again
  int limit = 100;
  bool json = false;
};

// Each performs one command and returns its exit code: kDone, or kFailed with the reason on `err`.

int list_webhooks(const AdminCall& call, const ListWebhooksOptions& options, Terminal& terminal);
/// `id` is a message's or a prediction's. kUsage when it is neither.
int resend_webhook(const AdminCall& call, const std::string& id, Terminal& terminal);
/// The new secret is the last line on `out`, alone; what a person should know goes to `err`. `account` empty: the
/// default account.
int rotate_webhook_secret(const AdminCall& call, const std::string& account, Terminal& terminal);

}  // namespace hekto::cli
