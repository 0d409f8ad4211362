// SPDX-License-Identifier: Apache-2.0
#include "cli/webhook_commands.h"

#include <algorithm>
#include <vector>

#include "base/encoding.h"
#include "cli/admin_answers.h"
#include "cli/table.h"
#include "domain/http_url.h"
#include "domain/webhook.h"
#include "json/value_json.h"

namespace hekto::cli {
namespace {

using domain::Value;

/// How the last attempt went: "200", "no answer in time"; "-" before the first.
std::string last_result(const Value& webhook) {
  const auto& log = list_in(webhook, "log");
  if (log.empty()) return "-";
  const Value* status = log.back().find("status");
  if (status != nullptr && status->as_int() != nullptr) return std::to_string(*status->as_int());
  return std::string(log.back().text_of("error", "-"));
}

/// Without path and query, which may hold what only the receiver should know.
std::string target_of(const Value& webhook) {
  const auto url = domain::parse_http_url(webhook.text_of("url"));
  return url ? url->origin : "-";
}

}  // namespace

int list_webhooks(const AdminCall& call, const ListWebhooksOptions& options, Terminal& terminal) {
  std::string path = "/admin/v1/webhooks?limit=" + std::to_string(options.limit);
  if (options.failed) path += "&failed=true";
  if (!options.account.empty()) path += "&account=" + percent_encode(options.account);
  const auto body = ask(call, terminal, "GET", path);
  if (!body) return kFailed;
  if (options.json) {
    terminal.out << json::dump(*body) << '\n';
    return kDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& webhook : list_in(*body, "webhooks")) {
    rows.push_back({std::string(webhook.text_of("id")), std::string(webhook.text_of("account")),
                    std::string(webhook.text_of("state")), number_in(webhook, "attempts"), last_result(webhook),
                    short_time(webhook.text_of("next_attempt_at", "-")), target_of(webhook)});
  }
  terminal.out << format_table({"ID", "ACCOUNT", "STATE", "ATTEMPTS", "LAST", "NEXT", "TARGET"}, rows);
  return kDone;
}

int resend_webhook(const AdminCall& call, const std::string& id, Terminal& terminal) {
  const bool is_plain = !id.empty() && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!is_plain) {
    terminal.err << "error: not the id of a webhook or a prediction; 'hekto webhooks list' shows them\n";
    return kUsage;
  }
  if (!ask(call, terminal, "POST", "/admin/v1/webhooks/" + id + "/resend")) return kFailed;
  terminal.out << "to be sent again: " << id << '\n';
  return kDone;
}

int rotate_webhook_secret(const AdminCall& call, const std::string& account, Terminal& terminal) {
  Value::Object body;
  if (!account.empty()) body.emplace_back("account", account);
  const auto secrets = ask(call, terminal, "POST", "/admin/v1/webhook-secrets/rotate", Value(std::move(body)));
  if (!secrets) return kFailed;
  const auto until = secrets->text_of("previous_until");
  terminal.err << "Made a new webhook secret for account " << printable(secrets->text_of("account")) << ".\n";
  if (!until.empty()) {
    terminal.err << "The one before signs too until " << printable(short_time(until)) << " UTC.\n";
  }
  terminal.err << std::flush;
  terminal.out << secrets->text_of("key") << '\n' << std::flush;
  return kDone;
}

}  // namespace hekto::cli
