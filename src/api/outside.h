// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/message.h"

namespace hekto::api {

/// Whether a proxy has marked the request as its own: somebody else may be asking.
bool names_a_proxy(const http::Request& request);

/// Whether the request shows that others than this machine reach the server: it came by a proxy, or asks for a host by
/// another name than those of loopback. False proves nothing: a proxy may hide itself.
bool comes_from_outside(const http::Request& request);

}  // namespace hekto::api
