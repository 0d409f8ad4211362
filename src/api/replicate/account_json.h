// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace hekto::api {

/// The account object, as GET /account and a deployment's release show it.
void append_account(std::string& out, std::string_view name);

}  // namespace hekto::api
