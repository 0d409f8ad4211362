// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "async/stop.h"
#include "async/task.h"
#include "domain/prediction.h"
#include "ports/http_client.h"
#include "ports/relay.h"
#include "runners/replicate/account_pool.h"

namespace hekto::runners::replicate {

/// Fetches an output file of the upstream, or decodes a data: URL, into a file of the prediction: hashed and written as
/// it comes, and named only once it is whole. What may pass is tried again for `patience`; a file that is not there is
/// asked for three times. not_found: there is no such file to be had; too_large: over the upstream's max_output;
/// canceled on `stop`, or what the sink says. The account's token goes along to the upstream's own origin alone.
async::Task<Result<domain::OutputFile>> fetch_output(ports::HttpClient& downloads, AccountPtr account, std::string url,
                                                     std::size_t index, ports::RelaySink& sink, Duration patience,
                                                     async::StopToken stop);

/// The last segment of a URL's path as a file may be called here; "out-<index>" with the ending of the type when there
/// is none.
std::string output_name(std::string_view url, std::size_t index, std::string_view content_type);

}  // namespace hekto::runners::replicate
