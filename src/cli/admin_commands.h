// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "app/admin_call.h"
#include "base/time.h"
#include "cli/terminal.h"

namespace hekto::cli {

/// app::admin_call on one data folder, as a value that tests replace.
using AdminCall =
    std::function<Result<app::AdminReply>(std::string_view method, std::string_view path, const domain::Value& body)>;

struct NewKeyOptions {
  std::string name;
  std::string account;  ///< empty: the default account
  bool test = false;
  std::optional<Duration> expires_in;
};

// Each performs one command and returns its exit code: kDone, or kFailed with the reason on `err`.

/// The key is the last line on `out`, alone; what a person should know goes to `err`.
int create_key(const AdminCall& call, const NewKeyOptions& options, Terminal& terminal);
int list_keys(const AdminCall& call, bool json, Terminal& terminal);
/// `id` is a key's id, or the key itself. kUsage when it is neither.
int revoke_key(const AdminCall& call, const std::string& id, Terminal& terminal);
int create_account(const AdminCall& call, const std::string& name, Terminal& terminal);
int list_accounts(const AdminCall& call, bool json, Terminal& terminal);

}  // namespace hekto::cli
