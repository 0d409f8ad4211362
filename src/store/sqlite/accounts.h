// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/key.h"
#include "store/sqlite/database.h"

namespace hekto::store {

// The transactions of ports::Store that concern accounts, keys and settings, as plain functions on a connection. Each
// makes at most one change.

Result<void> create_account(Connection& connection, const domain::Account& account);
Result<std::vector<domain::Account>> list_accounts(Connection& connection);
Result<void> create_key(Connection& connection, const domain::Key& key);
Result<std::vector<domain::Key>> list_keys(Connection& connection);
Result<domain::Key> revoke_key(Connection& connection, std::string_view key_id, Time now);
Result<std::string> setting(Connection& connection, std::string_view name, std::string_view value);

}  // namespace hekto::store
