// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/submission.h"
#include "runners/replicate/options.h"

namespace hekto::runners::replicate {

/// Whether an upstream takes this target, by the client's name for it. One that names no model (a version alone) is
/// taken unless a list of models leaves any out.
bool serves(const UpstreamOptions& upstream, const domain::RelayTarget& target);
bool serves_model(const UpstreamOptions& upstream, std::string_view model);
/// Whether one of its accounts takes this: a trained version lies with one alone.
bool serves(const UpstreamOptions& upstream, const AccountOptions& account, const domain::RelayTarget& target);

/// How the model is called that an upstream keeps for the versions that are trained for a model of ours. It is nobody
/// else's: serves_model says no to every such name.
std::string training_model_name(std::string_view destination);

/// The upstream's "owner/name" for the client's, and back. What is not mapped has one name.
std::string upstream_name(const UpstreamOptions& upstream, std::string_view client_name);
std::string client_name(const UpstreamOptions& upstream, std::string_view upstream_name);

/// How a create is sent: the path below the base URL, and what its body holds beside the input.
struct CreateRoute {
  std::string path;         ///< such as "/v1/models/owner/name/predictions"
  std::string version;      ///< for the member `version`; empty: none
  std::string destination;  ///< for the member `destination` of a training; empty: none
};
CreateRoute create_route(const UpstreamOptions& upstream, const domain::RelayTarget& target,
                         std::string_view destination);

/// Scheme, host and port of a URL in lower case, the port left out when it is the scheme's own; empty when it is no
/// absolute http or https URL.
std::string origin_of(std::string_view url);
/// Whether a file behind `url` is an output of this upstream: it lies at its own origin or at one of its file hosts.
bool is_output_url(const UpstreamOptions& upstream, std::string_view url);
/// Whether the event stream behind `url` may be asked for: it lies at the upstream's own origin, or at one of its
/// stream hosts and is no less encrypted than the upstream.
bool is_stream_url(const UpstreamOptions& upstream, std::string_view url);
/// Whether an event stream carries files, as its path tells.
bool is_file_stream(std::string_view url);

}  // namespace hekto::runners::replicate
