// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/admin_commands.h"
#include "cli/command_line.h"
#include "cli/model_commands.h"
#include "cli/webhook_commands.h"

namespace hekto::cli {

/// A refusal that is found while a command is carried out, not by the parser.
struct UsageError {
  std::string message;
};

/// Options of the command line while they are parsed, and the command that was chosen.
class CommandLine {
 public:
  CommandLine(const Actions& actions, Terminal& terminal) : actions_(actions), terminal_(terminal) {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "hekto " HEKTO_VERSION);
    app_.footer(
        "'hekto COMMAND --help' says more about each command.\n\n"
        "Examples:\n"
        "  hekto serve\n"
        "  hekto keys create --name laptop\n"
        "  hekto run black-forest-labs/flux-schnell prompt=\"a red fox\" --save out");
    add_serve();
    add_keys();
    add_accounts();
    add_webhooks();
    add_upstreams();
    add_models();
    add_run();
    add_openapi();
    add_version();
  }

  int parse_and_run(std::vector<std::string> arguments);

 private:
  void add_serve();
  void add_keys();
  void add_accounts();
  void add_webhooks();
  void add_upstreams();
  void add_models();
  void add_run();
  void add_openapi();
  void add_version();
  void add_data_options(CLI::App& group);
  void check_words(const std::vector<std::string>& arguments) const;
  std::string unknown_flag(const CLI::App& command) const;
  app::Config load(app::ConfigFor purpose) const;
  AdminCall admin() const;
  ModelPlaces places() const;
  std::string from_environment(const std::string& value, const char* variable, const char* fallback) const;
  std::optional<Duration> duration(const char* flag, const std::string& text) const;

  const Actions& actions_;
  Terminal& terminal_;
  CLI::App app_{"Hekto serves Replicate's HTTP API.", "hekto"};
  std::string config_file_;
  std::map<std::string, std::vector<std::string>> flags_;
  NewKeyOptions new_key_;
  ListWebhooksOptions list_webhooks_;
  AddModelOptions new_model_;
  RunOptions run_;
  std::string expires_, key_, timeout_, name_, folder_;
  int limit_ = 100;
  bool json_ = false;
  bool markdown_ = false;
  std::function<int()> chosen_;
};

}  // namespace hekto::cli
