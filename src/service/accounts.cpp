// SPDX-License-Identifier: Apache-2.0
#include "service/accounts.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/ids.h"

namespace hekto::service {
namespace {

constexpr std::string_view kDefaultAccount = "default";
constexpr std::size_t kMaxKeyName = 100;

bool is_key_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxKeyName && is_utf8(name) &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

async::Task<Result<domain::Account>> Accounts::create_account(std::string name) {
  if (!domain::is_account_name(name)) {
    co_return fail(ErrorCode::invalid_input, "an account name is 1-64 of a-z, 0-9, '-' and '_'");
  }
  domain::Account account{new_id(clock_.now()), std::move(name), clock_.now()};
  const auto created = co_await store_.create_account(account);
  if (!created) co_return std::unexpected(created.error());
  co_return account;
}

async::Task<Result<std::vector<domain::Account>>> Accounts::list_accounts() {
  co_return co_await store_.list_accounts();
}

async::Task<Result<domain::Account>> Accounts::find_account(std::string name) {
  auto accounts = co_await store_.list_accounts();
  if (!accounts) co_return std::unexpected(accounts.error());
  for (auto& account : *accounts) {
    if (account.name == name) co_return std::move(account);
  }
  co_return fail(ErrorCode::not_found, "there is no account '" + name + "'");
}

async::Task<Result<Accounts::NewKey>> Accounts::create_key(std::string name, std::string account, bool test,
                                                           std::optional<Duration> life) {
  if (!is_key_name(name)) {
    co_return fail(ErrorCode::invalid_input, "a key name is 1-100 bytes of UTF-8 without control characters");
  }
  if (life && *life <= Duration{}) co_return fail(ErrorCode::invalid_input, "a key must live longer than 0 seconds");
  const bool by_default = account.empty() || account == kDefaultAccount;
  auto owner = co_await find_account(by_default ? std::string(kDefaultAccount) : account);
  if (!owner && owner.error().code == ErrorCode::not_found && by_default) {
    owner = co_await create_account(std::string(kDefaultAccount));
    // Another first key was made at the same time, and its account is the one.
    if (!owner && owner.error().code == ErrorCode::conflict) {
      owner = co_await find_account(std::string(kDefaultAccount));
    }
  }
  if (!owner) co_return std::unexpected(owner.error());

  auto text = domain::new_key_text(test);
  domain::Key key;
  key.id = text.id;
  key.account = owner->id;
  key.name = std::move(name);
  key.test = test;
  key.sha256 = sha256(text.text.reveal());
  key.created_at = clock_.now();
  if (life) key.expires_at = key.created_at + *life;
  const auto created = co_await store_.create_key(key);
  if (!created) co_return std::unexpected(created.error());
  const auto reloaded = co_await reload();
  if (!reloaded) co_return std::unexpected(reloaded.error());
  co_return NewKey{std::move(key), std::move(owner->name), std::move(text.text)};
}

async::Task<Result<std::vector<Accounts::KeyInfo>>> Accounts::list_keys() {
  auto accounts = co_await store_.list_accounts();
  if (!accounts) co_return std::unexpected(accounts.error());
  auto keys = co_await store_.list_keys();
  if (!keys) co_return std::unexpected(keys.error());
  std::vector<KeyInfo> out;
  for (auto& key : *keys) {
    const auto it = std::ranges::find(*accounts, key.account, &domain::Account::id);
    std::string account_name = it == accounts->end() ? key.account : it->name;
    out.push_back(KeyInfo{std::move(key), std::move(account_name)});
  }
  co_return out;
}

async::Task<Result<Accounts::KeyInfo>> Accounts::revoke_key(std::string id) {
  auto revoked = co_await store_.revoke_key(id, clock_.now());
  if (!revoked) co_return std::unexpected(revoked.error());
  const auto reloaded = co_await reload();
  if (!reloaded) co_return std::unexpected(reloaded.error());
  auto keys = co_await list_keys();
  if (!keys) co_return std::unexpected(keys.error());
  for (auto& info : *keys) {
    if (info.key.id == revoked->id) co_return std::move(info);
  }
  co_return fail(ErrorCode::not_found, "there is no key '" + id + "'");
}

async::Task<Result<void>> Accounts::reload() {
  if (ring_ == nullptr) co_return Result<void>{};
  co_return co_await ring_->load();
}

}  // namespace hekto::service
