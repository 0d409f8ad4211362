// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/admin_commands.h"

namespace hekto::cli {

// What the administrative commands do with the answers they get.

/// The body of a good answer; nullopt after saying on `err` what went wrong.
std::optional<domain::Value> ask(const AdminCall& call, Terminal& terminal, std::string_view method,
                                 std::string_view path, const domain::Value& body = {});

/// "2026-11-22 10:15:30" out of an API time; as it is when it has another form.
std::string short_time(std::string_view time);

/// Member `name` of `body`, which must be a list.
const domain::Value::Array& list_in(const domain::Value& body, std::string_view name);

/// Member `name` of `value` as a whole number; "-" when there is none.
std::string number_in(const domain::Value& value, std::string_view name);

}  // namespace hekto::cli
