// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "runners/replicate/options.h"
#include "runners/replicate/scrub.h"

namespace hekto::runners::replicate {

/// "owner/name" of a path below "/v1" such as "/models/owner/name/versions?…"; empty for others. Points into `path`.
std::string_view model_in_path(std::string_view path);
/// The path as the upstream knows it, "/v1" included: own names are mapped to the upstream's.
std::string path_there(const UpstreamOptions& upstream, std::string_view path);

/// What an upstream answered to a request for `path`, as clients may see it: models under their names, lists without
/// what is private there or not served, no token, and URLs of the upstream with ports::kRemoteBase and kRemoteOrigin in
/// place of its own address.
std::string text_for_clients(const UpstreamOptions& upstream, const Scrubber& scrubber, std::string_view path,
                             int status, std::string_view content_type, std::string body);

}  // namespace hekto::runners::replicate
