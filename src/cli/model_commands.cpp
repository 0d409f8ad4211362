// SPDX-License-Identifier: Apache-2.0
#include "cli/model_commands.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

#include "cli/table.h"
#include "domain/output_media.h"
#include "json/value_json.h"
#include "service/catalog_import.h"
#include "service/catalog_loader.h"

namespace hekto::cli {
namespace {

using domain::OutputKind;
using domain::Value;

constexpr std::size_t kMostBytes = 20'000'000;  // of a file to add; real schemas have some ten thousand

int failed(Terminal& terminal, const std::string& message) {
  terminal.err << "error: " << printable(message) << '\n';
  return kFailed;
}

/// Where `hekto models` adds and removes.
std::filesystem::path folder_of(const ModelPlaces& places) {
  return places.folder.empty() ? service::own_models_folder(places.data) : places.folder;
}

Result<domain::Catalog> catalog_of(const ModelPlaces& places) {
  auto paths = service::catalog_paths(places.data, places.models);
  std::error_code error;
  if (!places.folder.empty() && std::filesystem::is_directory(places.folder, error)) paths.push_back(places.folder);
  return service::load_catalog(paths);
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return fail(ErrorCode::invalid_input, path + " cannot be read: " + std::strerror(errno));
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string text;
  for (std::istreambuf_iterator<char> it(in), end; it != end; ++it) {
    if (text.size() == kMostBytes) return fail(ErrorCode::too_large, path + " is too large to describe a model");
    text += *it;
  }
  return text;
}

/// Whether a server listens on the data folder's socket.
bool server_runs(const std::filesystem::path& data) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = (data / "hekto.sock").string();
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

void say_when(const ModelPlaces& places, Terminal& terminal) {
  if (server_runs(places.data)) {
    terminal.err << "A server is running: restart it for this to take effect.\n";
  } else {
    terminal.err << "It takes effect when the server starts.\n";
  }
}

std::string output_of(const domain::Model& model) {
  const auto& version = model.latest();
  const auto media = std::string(domain::to_string(domain::output_media(model, version)));
  switch (version.output) {
    case OutputKind::file:
      return media;
    case OutputKind::file_list:
      return "list of " + media + "s";
    case OutputKind::text:
      return "text";
    case OutputKind::text_stream:
      return "stream of text";
    case OutputKind::list:
      return "list";
    case OutputKind::value:
      break;
  }
  return "value";
}

std::string origin_of(const domain::Model& model) { return model.origin.contains('/') ? model.origin : "built in"; }

/// Data folders are their owner's alone, also when this command comes before the first server.
Result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  const auto parent = folder.parent_path();
  if (!parent.empty() && !std::filesystem::exists(parent, error)) {
    std::filesystem::create_directories(parent.parent_path(), error);
    if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST) {
      return fail(ErrorCode::storage, parent.string() + " cannot be made: " + std::strerror(errno));
    }
  }
  std::filesystem::create_directory(folder, error);
  if (error) return fail(ErrorCode::storage, folder.string() + " cannot be made: " + error.message());
  return {};
}

/// Under another name first: a server that starts meanwhile must not read half a file.
Result<void> write_file(const std::filesystem::path& path, const std::string& text) {
  const auto unfinished = std::filesystem::path(path) += ".new";
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  std::error_code error;
  if (file) std::filesystem::rename(unfinished, path, error);
  if (file && !error) return {};
  std::error_code ignored;
  std::filesystem::remove(unfinished, ignored);
  return fail(ErrorCode::storage, path.string() + " cannot be written");
}

}  // namespace

int add_model(const ModelPlaces& places, const AddModelOptions& options, Time now, Terminal& terminal) {
  const auto text = read_file(options.file);
  if (!text) return failed(terminal, text.error().message);
  const auto imported = service::import_model(*text, {options.name, options.description}, now);
  if (!imported) return failed(terminal, options.file + ": " + imported.error().message);
  const auto& model = imported->model;

  const auto catalog = catalog_of(places);
  if (!catalog) return failed(terminal, catalog.error().message);
  const auto* there = catalog->find(model.owner, model.name);
  if (there != nullptr && !options.force) {
    return failed(terminal, "there is a model " + model.full_name() + " already (" + origin_of(*there) +
                                "); --force replaces it");
  }
  const auto [other, version] = catalog->find_version(model.latest().id);
  if (other != nullptr && other->full_name() != model.full_name()) {
    return failed(terminal, "version " + version->id + " belongs to " + other->full_name() + " already");
  }

  const auto folder = folder_of(places);
  if (auto made = make_folder(folder); !made) return failed(terminal, made.error().message);
  const auto path = folder / imported->file_name;
  if (auto written = write_file(path, imported->yaml); !written) return failed(terminal, written.error().message);
  terminal.err << "Wrote " << printable(path.string()) << ".\n"
               << printable(model.full_name()) << " gives: " << output_of(model) << '\n';
  say_when(places, terminal);
  terminal.out << model.full_name() << ':' << model.latest().id << '\n';
  return kDone;
}

int list_models(const ModelPlaces& places, bool json, Terminal& terminal) {
  const auto catalog = catalog_of(places);
  if (!catalog) return failed(terminal, catalog.error().message);
  if (json) {
    Value::Array list;
    for (const auto& [name, model] : catalog->models()) {
      Value::Array versions;
      for (const auto& version : model.versions) versions.emplace_back(version.id);
      list.emplace_back(Value::Object{{"name", name},
                                      {"output", output_of(model)},
                                      {"versions", std::move(versions)},
                                      {"origin", origin_of(model)}});
    }
    terminal.out << json::dump(Value::Object{{"models", std::move(list)}}) << '\n';
    return kDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, model] : catalog->models()) {
    rows.push_back({name, output_of(model), std::to_string(model.versions.size()), origin_of(model)});
  }
  terminal.out << format_table({"NAME", "OUTPUT", "VERSIONS", "FROM"}, rows);
  return kDone;
}

int remove_model(const ModelPlaces& places, const std::string& name, Terminal& terminal) {
  const auto catalog = catalog_of(places);
  if (!catalog) return failed(terminal, catalog.error().message);
  const auto slash = name.find('/');
  const auto* model =
      slash == std::string::npos ? nullptr : catalog->find(name.substr(0, slash), name.substr(slash + 1));
  if (model == nullptr) {
    return failed(terminal, "there is no model " + name + "; 'hekto models list' shows all");
  }
  const std::filesystem::path file(model->origin);
  std::error_code error;
  if (!std::filesystem::equivalent(file.parent_path(), folder_of(places), error)) {
    return failed(terminal, name + " is not one of those in " + folder_of(places).string() + " (" + origin_of(*model) +
                                "), which alone are removed");
  }
  if (!std::filesystem::remove(file, error)) return failed(terminal, file.string() + " cannot be removed");
  terminal.out << "removed " << name << '\n';
  say_when(places, terminal);
  return kDone;
}

}  // namespace hekto::cli
