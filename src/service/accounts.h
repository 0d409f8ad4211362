// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "service/keyring.h"

namespace hekto::service {

/// Making, listing and revoking accounts and keys. A change works on the next request.
class Accounts {
 public:
  /// `ring` may be null: then nobody is serving requests from this process.
  Accounts(ports::Store& store, const ports::Clock& clock, KeyRing* ring) : store_(store), clock_(clock), ring_(ring) {}

  struct NewKey {
    domain::Key key;
    std::string account_name;
    Secret text;  ///< shown once, never again
  };
  struct KeyInfo {
    domain::Key key;
    std::string account_name;
  };

  /// invalid_input for a bad name, conflict when it is taken.
  async::Task<Result<domain::Account>> create_account(std::string name);
  async::Task<Result<std::vector<domain::Account>>> list_accounts();

  /// `account` is a name; empty means "default", which is made when it does not exist. not_found for another unknown
  /// account, invalid_input for a bad key name or life.
  async::Task<Result<NewKey>> create_key(std::string name, std::string account, bool test,
                                         std::optional<Duration> life);
  async::Task<Result<std::vector<KeyInfo>>> list_keys();
  async::Task<Result<KeyInfo>> revoke_key(std::string id);

 private:
  async::Task<Result<domain::Account>> find_account(std::string name);
  async::Task<Result<void>> reload();

  ports::Store& store_;
  const ports::Clock& clock_;
  KeyRing* ring_;
};

}  // namespace hekto::service
