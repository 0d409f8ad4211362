// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/config.h"
#include "egress/egress_policy.h"

namespace hekto::app {

/// Which addresses may be called for what clients name: the internet, the networks of egress.allow, and this machine
/// while every listener is on loopback, public_url names no other host and trusted_proxies no other proxy. A server
/// that others reach must not call what only this machine can. invalid_input when the configuration holds no networks
/// where it should.
Result<egress::EgressPolicy> egress_policy(const Config& config);

}  // namespace hekto::app
