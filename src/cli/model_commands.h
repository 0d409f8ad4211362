// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/terminal.h"

namespace hekto::cli {

/// Where a server's models come from.
struct ModelPlaces {
  std::filesystem::path data;                 ///< the server's data folder
  std::vector<std::filesystem::path> models;  ///< option `models`: further catalog files and folders
  std::filesystem::path folder;               ///< where commands add and remove; empty: the data folder's models/
};

struct AddModelOptions {
  std::string file;              ///< "-": standard input
  std::string name = {};         ///< "owner/name"; empty: as the file says
  std::string description = {};  ///< empty: as the file says
  bool force = false;            ///< replace a model that is there
};

// Each performs one command and returns its exit code: kDone, or kFailed with the reason on `err`. A running server
// keeps the models that it started with; the commands say so.

/// Writes a catalog file from JSON of Replicate's API or of a Cog server (service/catalog_import.h). Nothing is written
/// unless a server with the same places could start afterwards.
int add_model(const ModelPlaces& places, const AddModelOptions& options, Time now, Terminal& terminal);
/// Shows every model that a server would offer: name, output, number of versions, where it is described.
int list_models(const ModelPlaces& places, bool json, Terminal& terminal);
/// Removes a model that add_model wrote.
int remove_model(const ModelPlaces& places, const std::string& name, Terminal& terminal);

}  // namespace hekto::cli
