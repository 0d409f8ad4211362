// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <algorithm>
#include <map>
#include <utility>

#include <CLI/CLI.hpp>

#include "api/openapi_text.h"
#include "app/suggest.h"
#include "cli/admin_commands.h"
#include "cli/model_commands.h"
#include "cli/webhook_commands.h"

namespace hekto::cli {
namespace {

/// A refusal that is found while a command is carried out, not by the parser.
struct UsageError {
  std::string message;
};

std::string heading_of(const std::string& path) {
  const auto dot = path.find('.');
  return dot == std::string::npos ? "Options" : "Options under '" + path.substr(0, dot) + "' in hekto.yaml";
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

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
  void add_models();
  void add_run();
  void add_openapi();
  void add_version();
  void add_data_options(CLI::App& group);
  void check_words(const std::vector<std::string>& arguments) const;
  std::string unknown_flag(const CLI::App& command) const;
  app::Config load() const;
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
  bool json_ = false;
  bool markdown_ = false;
  std::function<int()> chosen_;
};

void CommandLine::add_serve() {
  auto* serve = app_.add_subcommand("serve", "Run the server until SIGTERM or SIGINT");
  serve
      ->add_option("--config", config_file_, "Configuration file; else HEKTO_CONFIG, else ./hekto.yaml if there is one")
      ->type_name("FILE");
  for (const auto& info : app::options()) {
    CLI::Option* option = nullptr;
    const auto& path = info.path;
    if (info.list) {
      option = serve->add_option_function<std::vector<std::string>>(
          info.flag, [this, path](const std::vector<std::string>& texts) { flags_[path] = texts; }, info.help);
      option->allow_extra_args(false);
    } else {
      option = serve->add_option_function<std::string>(
          info.flag, [this, path](const std::string& text) { flags_[path] = {text}; }, info.help);
    }
    option->type_name(info.kind)->default_str(info.default_value)->group(heading_of(path));
  }
  serve->add_flag("--options-markdown", markdown_, "Print every option as a Markdown table and exit");
  serve->footer(
      "Every option is also a key in hekto.yaml and a variable: --links-lifetime is 'lifetime' under 'links', and\n"
      "HEKTO_LINKS_LIFETIME. A flag beats a variable, a variable the file, the file the default.\n\n"
      "Examples:\n"
      "  hekto serve\n"
      "  hekto serve --data /var/lib/hekto --listen 0.0.0.0:8080 --public-url https://hekto.example\n"
      "  hekto serve --listen 127.0.0.1:8080 --listen [::1]:8080 --log-format text");
  serve->callback([this] {
    chosen_ = [this] {
      if (!markdown_) return actions_.serve(load());
      terminal_.out << app::options_markdown();
      return kDone;
    };
  });
}

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

void CommandLine::add_run() {
  auto* run = app_.add_subcommand("run", "Run a model on a server and print its output");
  run->add_option("model", run_.model, "The model, perhaps with a version")
      ->required()
      ->type_name("OWNER/NAME[:VERSION]");
  run->add_option("input", run_.inputs, "Inputs: key=value, or key=@file to send a file (10 MB together)")
      ->type_name("KEY=VALUE");
  auto* stream = run->add_flag("--stream", run_.stream, "Print the output while it is made");
  run->add_flag("--json", run_.json, "Print the finished prediction as JSON")->excludes(stream);
  run->add_option("--save", run_.save_folder, "Download output files into this folder; nothing is overwritten")
      ->type_name("DIR");
  run->add_option("--url", run_.url, "The server; else HEKTO_URL, else http://127.0.0.1:8080")->type_name("URL");
  run->add_option("--key", key_, "The key; else HEKTO_KEY")->type_name("KEY");
  run->add_option("--timeout", timeout_, "Cancel and give up after this long, such as 5m; else never")
      ->type_name("DURATION");
  run->footer(
      "Values are read as the model's schema wants them; key=@@text is the text '@text'. Ctrl-C cancels.\n"
      "Exit codes: 0 succeeded, 1 failed, 2 wrong arguments, 130 interrupted.\n\n"
      "Examples:\n"
      "  hekto run black-forest-labs/flux-schnell prompt=\"a red fox\" num_outputs=2 --save out\n"
      "  hekto run meta/meta-llama-3-8b-instruct prompt=\"Write a haiku\" --stream\n"
      "  hekto run OWNER/NAME image=@photo.jpg --json --url https://hekto.example");
  run->callback([this] {
    chosen_ = [this] {
      run_.url = from_environment(run_.url, "HEKTO_URL", "http://127.0.0.1:8080");
      run_.key = Secret(from_environment(key_, "HEKTO_KEY", ""));
      run_.timeout = duration("--timeout", timeout_);
      return actions_.run(run_, terminal_);
    };
  });
}

void CommandLine::add_openapi() {
  auto* openapi = app_.add_subcommand("openapi", "Print the OpenAPI document of the HTTP API");
  openapi->footer(
      "A server shows the same at /openapi.json, with its own address.\n\n"
      "Example:\n  hekto openapi > openapi.json");
  openapi->callback([this] {
    chosen_ = [this] {
      terminal_.out << api::openapi_document("/v1") << '\n';
      return kDone;
    };
  });
}

void CommandLine::add_version() {
  auto* version = app_.add_subcommand("version", "Print the version");
  version->footer("Example:\n  hekto version");
  version->callback([this] {
    chosen_ = [this] {
      terminal_.out << "hekto " << HEKTO_VERSION << '\n';
      return kDone;
    };
  });
}

/// Refuses a misspelt command before the parser says merely that one is missing.
void CommandLine::check_words(const std::vector<std::string>& arguments) const {
  const CLI::App* at = &app_;
  for (const auto& word : arguments) {
    const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
    // An option may come first, and whether the next word is its value only the parser knows.
    if (commands.empty() || word.starts_with('-')) return;
    const auto found = std::ranges::find_if(commands, [&](const CLI::App* c) { return c->check_name(word); });
    if (found == commands.end()) {
      const auto hint = app::did_you_mean(word, command_names(*at));
      const auto prefix = at == &app_ ? std::string() : at->get_name() + " ";
      throw UsageError{"there is no command '" + prefix + printable(word) + "'" + hint};
    }
    at = *found;
  }
}

/// The first argument that nothing took, with what it was likely meant to be.
std::string CommandLine::unknown_flag(const CLI::App& command) const {
  const auto extras = app_.remaining(true);
  const auto flag = std::ranges::find_if(extras, [](const std::string& word) { return word.starts_with("--"); });
  if (flag == extras.end())
    return extras.empty() ? "too many arguments" : "'" + printable(extras.front()) + "' is too much";
  const auto name = flag->substr(0, flag->find('='));
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    for (const auto& long_name : option->get_lnames()) names.push_back("--" + long_name);
  }
  return "there is no option '" + printable(name) + "'" + app::did_you_mean(name, names);
}

int CommandLine::parse_and_run(std::vector<std::string> arguments) {
  const CLI::App* command = &app_;
  const auto deepest = [&] {
    while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
    return command;
  };
  const auto usage = [&](const std::string& message) {
    std::string words = "hekto";
    for (const CLI::App* at = &app_; at != command;) {
      at = at->get_subcommands().front();
      words += " " + at->get_name();
    }
    terminal_.err << "error: " << message << "\nSee '" << words << " --help'.\n";
    return kUsage;
  };
  try {
    check_words(arguments);
    std::ranges::reverse(arguments);  // the order that the parser wants
    app_.parse(std::move(arguments));
    deepest();
    return chosen_();
  } catch (const CLI::CallForHelp&) {
    terminal_.out << app_.help();  // of the command that was reached, with its full name
    return kDone;
  } catch (const CLI::CallForVersion& version) {
    terminal_.out << version.what() << '\n';
    return kDone;
  } catch (const CLI::ExtrasError&) {
    return usage(unknown_flag(*deepest()));
  } catch (const CLI::ParseError& error) {
    const auto names = command_names(*deepest());
    if (names.empty()) return usage(error.what());
    std::string list;
    for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
    return usage("a command is missing, one of " + list);
  } catch (const UsageError& error) {
    return usage(error.message);
  }
}

app::Config CommandLine::load() const {
  auto config = app::load_config(config_file_, flags_, actions_.environment);
  if (!config) throw UsageError{config.error().message};
  return std::move(*config);
}

AdminCall CommandLine::admin() const {
  const auto data = load().data;
  return [this, data](std::string_view method, std::string_view path, const domain::Value& body) {
    return actions_.admin_call(data, method, path, body);
  };
}

ModelPlaces CommandLine::places() const {
  const auto config = load();
  return {config.data, config.models, folder_};
}

std::string CommandLine::from_environment(const std::string& value, const char* variable, const char* fallback) const {
  if (!value.empty()) return value;
  const auto found = actions_.environment(variable);
  return found && !found->empty() ? *found : fallback;
}

std::optional<Duration> CommandLine::duration(const char* flag, const std::string& text) const {
  if (text.empty()) return {};
  const auto span = parse_duration(text);
  if (!span) throw UsageError{std::string(flag) + ": " + span.error().message};
  if (*span <= Duration{}) throw UsageError{std::string(flag) + " must be longer than nothing"};
  return *span;
}

}  // namespace

int run_command_line(std::vector<std::string> arguments, const Actions& actions, Terminal& terminal) {
  return CommandLine(actions, terminal).parse_and_run(std::move(arguments));
}

}  // namespace hekto::cli
