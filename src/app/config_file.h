// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/config_upstreams.h"
#include "base/error.h"

namespace hekto::app {

/// An option as hekto.yaml gives it: its texts and the lines that they stand on.
struct FileEntry {
  struct Item {
    std::string text;
    int line = 0;  ///< from 1
  };
  std::string path;  ///< a path of the option table
  std::vector<Item> items;
  int line = 0;  ///< of the key
};

struct ConfigFile {
  std::vector<FileEntry> entries;
  std::vector<runners::replicate::UpstreamOptions> upstreams;
};

/// Reads a YAML file of nested keys. Structure is checked here (unknown and repeated keys, lists where none belong),
/// the values are not, but for those of the upstreams, whose tokens are fetched (config_upstreams.h), unless it is for
/// administration. Errors are invalid_input and begin with "<file>:<line>: ".
Result<ConfigFile> read_config_file(const std::filesystem::path& file, const Environment& environment,
                                    ConfigFor purpose);

}  // namespace hekto::app
