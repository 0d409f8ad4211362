// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/error.h"
#include "runners/replicate/options.h"

namespace hekto::app {

/// Looks a variable of the environment up; nullopt or empty: it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
/// An error about a line (from 1) of the file.
using AtLine = std::function<std::unexpected<Error>(int line, const std::string& message)>;

/// Reads the section `upstreams`: a map of upstreams by name. Tokens are fetched from where they are kept: the file
/// itself, a variable, a file, or what a command prints within ten seconds. Errors are `at`'s.
Result<std::vector<runners::replicate::UpstreamOptions>> read_upstreams(const YAML::Node& section,
                                                                        const Environment& environment,
                                                                        const AtLine& at);

/// Completes the upstreams of a configuration: `url` and `token` (empty: none) are those of the one called replicate,
/// which is made when there is none and a token is given. invalid_input: an upstream has no account.
Result<void> complete_upstreams(std::vector<runners::replicate::UpstreamOptions>& upstreams, const std::string& url,
                                const std::string& token);

/// A base URL: http or https, a host, perhaps a port and a path; "/v1" and slashes at its end are dropped.
Result<std::string> parse_base_url(std::string_view text);

}  // namespace hekto::app
