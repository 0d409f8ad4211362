// SPDX-License-Identifier: Apache-2.0
#include "cli/admin_commands.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "cli/admin_answers.h"
#include "cli/table.h"
#include "domain/key.h"
#include "json/value_json.h"

namespace hekto::cli {
namespace {

using domain::Value;

std::string_view state_of(const Value& key) {
  if (!key.text_of("revoked_at").empty()) return "revoked";
  const auto expires = parse_time(key.text_of("expires_at"));
  const auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  return expires && *expires <= now ? "expired" : "active";
}

}  // namespace

int create_key(const AdminCall& call, const NewKeyOptions& options, Terminal& terminal) {
  Value::Object body{{"name", options.name}};
  if (!options.account.empty()) body.emplace_back("account", options.account);
  if (options.test) body.emplace_back("test", true);
  if (options.expires_in) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*options.expires_in).count();
    body.emplace_back("expires_seconds", static_cast<std::int64_t>(seconds));
  }
  const auto key = ask(call, terminal, "POST", "/admin/v1/keys", Value(std::move(body)));
  if (!key) return kFailed;
  const auto expires = key->text_of("expires_at");
  terminal.err << "Made the " << printable(key->text_of("mode", "live")) << " key " << printable(key->text_of("id"))
               << " of account " << printable(key->text_of("account")) << ", "
               << (expires.empty() ? "valid until it is revoked" : "valid until " + short_time(expires) + " UTC")
               << ".\nIt is shown only this once; keep it in a safe place:\n";
  // Else the hint could come after the key where both go to one terminal.
  terminal.err << std::flush;
  terminal.out << key->text_of("key") << '\n' << std::flush;
  return kDone;
}

int list_keys(const AdminCall& call, bool json, Terminal& terminal) {
  const auto body = ask(call, terminal, "GET", "/admin/v1/keys");
  if (!body) return kFailed;
  if (json) {
    terminal.out << json::dump(*body) << '\n';
    return kDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& key : list_in(*body, "keys")) {
    rows.push_back({std::string(key.text_of("id")), std::string(key.text_of("name")),
                    std::string(key.text_of("account")), std::string(key.text_of("mode")), std::string(state_of(key)),
                    short_time(key.text_of("created_at")), short_time(key.text_of("expires_at"))});
  }
  terminal.out << format_table({"ID", "NAME", "ACCOUNT", "MODE", "STATE", "CREATED", "EXPIRES"}, rows);
  if (rows.empty()) terminal.err << "No keys yet; make one with 'hekto keys create --name NAME'.\n";
  return kDone;
}

int revoke_key(const AdminCall& call, const std::string& id, Terminal& terminal) {
  const auto inside = domain::key_id_of(id);
  const std::string key_id(inside.value_or(id));
  const bool is_plain = !key_id.empty() && std::ranges::all_of(key_id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
  if (!is_plain) {
    terminal.err << "error: not a key id; 'hekto keys list' shows them\n";
    return kUsage;
  }
  const auto key = ask(call, terminal, "POST", "/admin/v1/keys/" + key_id + "/revoke");
  if (!key) return kFailed;
  terminal.out << "revoked " << printable(key->text_of("id")) << " (" << printable(key->text_of("name")) << ")\n";
  return kDone;
}

int create_account(const AdminCall& call, const std::string& name, Terminal& terminal) {
  const auto account = ask(call, terminal, "POST", "/admin/v1/accounts", Value(Value::Object{{"name", name}}));
  if (!account) return kFailed;
  terminal.out << "made account " << printable(account->text_of("name")) << " (" << printable(account->text_of("id"))
               << ")\n";
  return kDone;
}

int list_accounts(const AdminCall& call, bool json, Terminal& terminal) {
  const auto body = ask(call, terminal, "GET", "/admin/v1/accounts");
  if (!body) return kFailed;
  if (json) {
    terminal.out << json::dump(*body) << '\n';
    return kDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& account : list_in(*body, "accounts")) {
    rows.push_back({std::string(account.text_of("id")), std::string(account.text_of("name")),
                    short_time(account.text_of("created_at"))});
  }
  terminal.out << format_table({"ID", "NAME", "CREATED"}, rows);
  return kDone;
}

}  // namespace hekto::cli
