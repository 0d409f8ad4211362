// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <algorithm>
#include <utility>

#include "api/openapi_text.h"
#include "app/suggest.h"
#include "cli/command_line_parser.h"

namespace hekto::cli {
namespace {

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

}  // namespace

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
      if (!markdown_) return actions_.serve(load(app::ConfigFor::serving));
      terminal_.out << app::options_markdown();
      return kDone;
    };
  });
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

app::Config CommandLine::load(app::ConfigFor purpose) const {
  auto config = app::load_config(config_file_, flags_, actions_.environment, purpose);
  if (!config) throw UsageError{config.error().message};
  return std::move(*config);
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

int run_command_line(std::vector<std::string> arguments, const Actions& actions, Terminal& terminal) {
  return CommandLine(actions, terminal).parse_and_run(std::move(arguments));
}

}  // namespace hekto::cli
