// SPDX-License-Identifier: Apache-2.0
#include "cli/upstream_commands.h"

#include <algorithm>
#include <vector>

#include "cli/admin_answers.h"
#include "cli/table.h"
#include "json/value_json.h"

namespace hekto::cli {
namespace {

using domain::Value;

/// "throttled until 2026-11-22 10:15:30"
std::string state_of(const Value& account) {
  std::string state(account.text_of("state"));
  const auto until = account.text_of("until");
  return until.empty() ? state : state + " until " + short_time(until);
}

std::string create_time_of(const Value& account) {
  const Value* time = account.find("create_ms");
  return time != nullptr && time->as_int() != nullptr && *time->as_int() > 0 ? std::to_string(*time->as_int()) + " ms"
                                                                             : "-";
}

}  // namespace

int list_upstreams(const AdminCall& call, bool json, Terminal& terminal) {
  const auto body = ask(call, terminal, "GET", "/admin/v1/upstreams");
  if (!body) return kFailed;
  if (json) {
    terminal.out << json::dump(*body) << '\n';
    return kDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& upstream : list_in(*body, "upstreams")) {
    for (const auto& account : list_in(upstream, "accounts")) {
      rows.push_back({std::string(upstream.text_of("name")), std::string(account.text_of("name")), state_of(account),
                      number_in(account, "open"), number_in(account, "submitting"), number_in(account, "accepted"),
                      number_in(account, "refused"), number_in(account, "turned_away"), number_in(account, "ambiguous"),
                      number_in(account, "requests"),
                      number_in(account, "creates_left") + " of " + number_in(account, "creates_per_minute"),
                      create_time_of(account), std::string(upstream.text_of("url"))});
    }
  }
  terminal.out << format_table({"UPSTREAM", "ACCOUNT", "STATE", "OPEN", "SENDING", "ACCEPTED", "REFUSED", "TURNED AWAY",
                                "AMBIGUOUS", "REQUESTS", "CREATES LEFT", "ANSWERS IN", "URL"},
                               rows);
  if (rows.empty()) {
    terminal.err << "No upstreams: live keys run in the sandbox. Start the server with REPLICATE_API_TOKEN, or list\n"
                    "upstreams in hekto.yaml.\n";
  } else {
    terminal.err << number_in(*body, "waiting") << " predictions wait for their turn at an upstream.\n";
  }
  return kDone;
}

int list_unknown_submissions(const AdminCall& call, int limit, bool json, Terminal& terminal) {
  const auto body = ask(call, terminal, "GET", "/admin/v1/submissions?limit=" + std::to_string(limit));
  if (!body) return kFailed;
  if (json) {
    terminal.out << json::dump(*body) << '\n';
    return kDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : list_in(*body, "submissions")) {
    rows.push_back({std::string(row.text_of("prediction")), std::string(row.text_of("account")),
                    std::string(row.text_of("model")),
                    std::string(row.text_of("upstream")) + "/" + std::string(row.text_of("upstream_account")),
                    short_time(row.text_of("sent_at"))});
  }
  terminal.out << format_table({"PREDICTION", "ACCOUNT", "MODEL", "UPSTREAM", "SENT"}, rows);
  if (!rows.empty()) {
    terminal.err << "Each of these failed because the answer to its submission was lost: it may have run at the "
                    "upstream,\nand may be on its bill. Look there for the time and the model, then take it off this "
                    "list with\n'hekto upstreams settle PREDICTION'.\n";
  }
  return kDone;
}

int settle_submission(const AdminCall& call, const std::string& id, Terminal& terminal) {
  const bool is_plain =
      !id.empty() && std::ranges::all_of(id, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
  if (!is_plain) {
    terminal.err << "error: not the id of a prediction; 'hekto upstreams unknown' shows them\n";
    return kUsage;
  }
  if (!ask(call, terminal, "POST", "/admin/v1/submissions/" + id + "/settle")) return kFailed;
  terminal.out << "settled " << id << '\n';
  return kDone;
}

}  // namespace hekto::cli
