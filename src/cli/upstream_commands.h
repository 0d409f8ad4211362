// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/admin_commands.h"

namespace hekto::cli {

// Each performs one command and returns its exit code: kDone, or kFailed with the reason on `err`.

/// Every account of every upstream: its state, what is under way there, and what became of creates.
int list_upstreams(const AdminCall& call, bool json, Terminal& terminal);
/// Predictions that failed because nobody can tell whether an upstream took them.
int list_unknown_submissions(const AdminCall& call, int limit, bool json, Terminal& terminal);
/// Takes one off that list. kUsage when `id` is no prediction's.
int settle_submission(const AdminCall& call, const std::string& id, Terminal& terminal);

}  // namespace hekto::cli
