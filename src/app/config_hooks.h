// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runners/replicate/options.h"

namespace hekto::app {

/// Whether hosts on the internet may reach `url`: https, and neither an address nor a name of this machine or a private
/// network.
bool is_public_origin(std::string_view url);
/// Says for each upstream where its webhooks go, if it is to have any. invalid_input: one is to, and there is no public
/// URL.
Result<void> place_webhooks(std::vector<runners::replicate::UpstreamOptions>& upstreams, const std::string& public_url);

}  // namespace hekto::app
