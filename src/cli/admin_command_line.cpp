// SPDX-License-Identifier: Apache-2.0
// CommandLine: the commands that look after a server.
#include "cli/command_line_parser.h"
#include "cli/upstream_commands.h"

namespace hekto::cli {

void CommandLine::add_data_options(CLI::App& group) {
  group.require_subcommand(1);
  group.fallthrough();
  group
      .add_option_function<std::string>(
          "--data", [this](const std::string& text) { flags_["data"] = {text}; },
          "The server's data folder; else HEKTO_DATA, else as in hekto.yaml, else ./hekto-data")
      ->type_name("DIR");
  group.add_option("--config", config_file_, "Configuration file that names the data folder")->type_name("FILE");
}

void CommandLine::add_keys() {
  auto* keys = app_.add_subcommand("keys", "Make, list and revoke keys");
  add_data_options(*keys);
  keys->footer(
      "Talks to the running server, or opens its data folder when none runs. --data and --config may also come "
      "last.\n\n"
      "Examples:\n"
      "  hekto keys create --name laptop\n"
      "  hekto keys create --name ci --test --expires 30d\n"
      "  hekto keys list\n"
      "  hekto keys revoke 3k9w2m0x7c");

  auto* create = keys->add_subcommand("create", "Make a key; the last line of the output is the key");
  create->add_option("--name", new_key_.name, "What the key is for, 1 to 100 characters")
      ->required()
      ->type_name("NAME");
  create->add_option("--account", new_key_.account, "Account that the key belongs to; else 'default'")
      ->type_name("NAME");
  create->add_flag("--test", new_key_.test, "A key that always runs in the sandbox");
  create->add_option("--expires", expires_, "Stop working after this long, such as 30d; else never")
      ->type_name("DURATION");
  create->footer(
      "Examples:\n"
      "  export HEKTO_KEY=$(hekto keys create --name laptop)\n"
      "  hekto keys create --name ci --account builds --test --expires 30d");
  create->callback([this] {
    chosen_ = [this] {
      new_key_.expires_in = duration("--expires", expires_);
      return create_key(admin(), new_key_, terminal_);
    };
  });

  auto* list = keys->add_subcommand("list", "Show all keys, without their secrets");
  list->add_flag("--json", json_, "Print JSON");
  list->footer("Example:\n  hekto keys list --json --data /var/lib/hekto");
  list->callback([this] { chosen_ = [this] { return list_keys(admin(), json_, terminal_); }; });

  auto* revoke = keys->add_subcommand("revoke", "Make a key useless at once and for good");
  revoke->add_option("id", name_, "The key's id, as 'hekto keys list' shows it, or the key itself")
      ->required()
      ->type_name("ID");
  revoke->footer("Example:\n  hekto keys revoke 3k9w2m0x7c");
  revoke->callback([this] { chosen_ = [this] { return revoke_key(admin(), name_, terminal_); }; });
}

void CommandLine::add_accounts() {
  auto* accounts = app_.add_subcommand("accounts", "Make and list accounts");
  add_data_options(*accounts);
  accounts->footer(
      "An account owns keys and everything that is made with them.\n\n"
      "Examples:\n"
      "  hekto accounts create builds\n"
      "  hekto accounts list");
  auto* create = accounts->add_subcommand("create", "Make an account");
  create->add_option("name", name_, "Lower-case letters, digits, '-' and '_', 1 to 64 characters")
      ->required()
      ->type_name("NAME");
  create->footer("Example:\n  hekto accounts create builds");
  create->callback([this] { chosen_ = [this] { return create_account(admin(), name_, terminal_); }; });

  auto* list = accounts->add_subcommand("list", "Show all accounts");
  list->add_flag("--json", json_, "Print JSON");
  list->footer("Example:\n  hekto accounts list --json --data /var/lib/hekto");
  list->callback([this] { chosen_ = [this] { return list_accounts(admin(), json_, terminal_); }; });
}

void CommandLine::add_webhooks() {
  auto* webhooks = app_.add_subcommand("webhooks", "List webhooks, send one again, change the signing secret");
  add_data_options(*webhooks);
  webhooks->footer(
      "Webhooks of finished predictions are tried for about 75 hours and stay in the list for a week.\n\n"
      "Examples:\n"
      "  hekto webhooks list --failed\n"
      "  hekto webhooks resend msg_01jd8zq4v0x7c3k9w2m0f5t6ra\n"
      "  hekto webhooks rotate --account builds");
  auto* list = webhooks->add_subcommand("list", "Show webhooks of finished predictions, the newest first");
  list->add_flag("--failed", list_webhooks_.failed, "Only those given up or waiting for another attempt");
  list->add_option("--account", list_webhooks_.account, "Only those of this account")->type_name("NAME");
  list->add_option("--limit", list_webhooks_.limit, "How many at most")->type_name("N")->check(CLI::Range(1, 10000));
  list->add_flag("--json", list_webhooks_.json, "Print JSON, with every attempt");
  list->footer("Example:\n  hekto webhooks list --failed --json");
  list->callback([this] { chosen_ = [this] { return list_webhooks(admin(), list_webhooks_, terminal_); }; });

  auto* resend = webhooks->add_subcommand("resend", "Send a webhook again, whatever became of it");
  resend->add_option("id", name_, "The webhook's id, or its prediction's")->required()->type_name("ID");
  resend->footer("Example:\n  hekto webhooks resend msg_01jd8zq4v0x7c3k9w2m0f5t6ra");
  resend->callback([this] { chosen_ = [this] { return resend_webhook(admin(), name_, terminal_); }; });

  auto* rotate = webhooks->add_subcommand("rotate", "Make a new signing secret; the last line of the output is it");
  rotate->add_option("--account", name_, "Whose; else the account 'default'")->type_name("NAME");
  rotate->footer(
      "For 24 hours webhooks are signed with both secrets.\n\nExample:\n  hekto webhooks rotate --account builds");
  rotate->callback([this] { chosen_ = [this] { return rotate_webhook_secret(admin(), name_, terminal_); }; });
}

void CommandLine::add_upstreams() {
  auto* upstreams =
      app_.add_subcommand("upstreams", "Show the upstreams of a server, and what could not be learnt there");
  add_data_options(*upstreams);
  upstreams->require_subcommand(0, 1);
  upstreams->add_flag("--json", json_, "Print JSON");
  upstreams->footer(
      "Without a further word it shows every account of every upstream: whether it is used, what is under way there,\n"
      "and what became of creates since the server started. Upstreams are configured by REPLICATE_API_TOKEN or in\n"
      "hekto.yaml.\n\n"
      "Examples:\n"
      "  hekto upstreams\n"
      "  hekto upstreams unknown\n"
      "  hekto upstreams settle 06h1vsc13xbnycnsns56bqv0m4");
  upstreams->callback([this] {
    if (!chosen_) chosen_ = [this] { return list_upstreams(admin(), json_, terminal_); };
  });

  auto* unknown =
      upstreams->add_subcommand("unknown", "Show predictions that failed because a submission's answer was lost");
  unknown->add_option("--limit", limit_, "How many at most")->type_name("N")->check(CLI::Range(1, 10000));
  unknown->footer(
      "Whether the upstream took them could not be learnt, so they were not submitted again; they may be on its "
      "bill.\n\n"
      "Example:\n  hekto upstreams unknown --json");
  unknown->callback(
      [this] { chosen_ = [this] { return list_unknown_submissions(admin(), limit_, json_, terminal_); }; });

  auto* settle = upstreams->add_subcommand("settle", "Take a prediction off that list, once it was looked up");
  settle->add_option("prediction", name_, "The prediction's id")->required()->type_name("ID");
  settle->footer(
      "Nothing else of the prediction changes.\n\nExample:\n  hekto upstreams settle 06h1vsc13xbnycnsns56bqv0m4");
  settle->callback([this] { chosen_ = [this] { return settle_submission(admin(), name_, terminal_); }; });
}

void CommandLine::add_models() {
  auto* models = app_.add_subcommand("models", "Add, list and remove models of the catalog");
  add_data_options(*models);
  models->footer(
      "A server offers the built-in models, those in the folder 'models' of its data folder, and those of\n"
      "'hekto serve --models'. It reads them when it starts.\n\n"
      "Examples:\n"
      "  hekto models list\n"
      "  hekto models add schema.json --name acme/painter\n"
      "  hekto models remove acme/painter");
  auto* add = models->add_subcommand("add", "Describe a model by its OpenAPI document");
  add->add_option("file", new_model_.file,
                  "JSON: an OpenAPI document, a version, or a model, as Replicate's API shows them; '-' reads it from "
                  "standard input")
      ->required()
      ->type_name("FILE");
  add->add_option("--name", new_model_.name, "What the model is called; needed when the file does not say")
      ->type_name("OWNER/NAME");
  add->add_option("--description", new_model_.description, "What the model does, in a line")->type_name("TEXT");
  add->add_option("--dir", folder_, "Folder to write to; else 'models' in the data folder")->type_name("DIR");
  add->add_flag("--force", new_model_.force, "Replace a model of the same name");
  add->footer(
      "The last line of the output is OWNER/NAME:VERSION.\n\n"
      "Examples:\n"
      "  hekto models add openapi.json --name acme/painter --description \"Paints what it is told\"\n"
      "  curl -s -H \"Authorization: Bearer $REPLICATE_API_TOKEN\" \\\n"
      "    https://api.replicate.com/v1/models/black-forest-labs/flux-dev | hekto models add -");
  add->callback([this] {
    chosen_ = [this] {
      const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
      return add_model(places(), new_model_, now, terminal_);
    };
  });

  auto* list = models->add_subcommand("list", "Show all models: what they give, their versions, where they come from");
  list->add_flag("--json", json_, "Print JSON");
  list->add_option("--dir", folder_, "Also those of this folder")->type_name("DIR");
  list->footer("Example:\n  hekto models list --json --data /var/lib/hekto");
  list->callback([this] { chosen_ = [this] { return list_models(places(), json_, terminal_); }; });

  auto* remove = models->add_subcommand("remove", "Remove a model that was added");
  remove->add_option("name", name_, "The model")->required()->type_name("OWNER/NAME");
  remove->add_option("--dir", folder_, "Folder that it is in; else 'models' in the data folder")->type_name("DIR");
  remove->footer("Example:\n  hekto models remove acme/painter");
  remove->callback([this] { chosen_ = [this] { return remove_model(places(), name_, terminal_); }; });
}

AdminCall CommandLine::admin() const {
  const auto data = load(app::ConfigFor::administration).data;
  return [this, data](std::string_view method, std::string_view path, const domain::Value& body) {
    return actions_.admin_call(data, method, path, body);
  };
}

ModelPlaces CommandLine::places() const {
  const auto config = load(app::ConfigFor::administration);
  return {config.data, config.models, folder_};
}

}  // namespace hekto::cli
