// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "domain/value.h"

namespace hekto::cli {

/// A prediction's output as text: a string as it is, a list one item a line (joined without anything between when
/// `joined`), anything else as JSON; a last newline is added where there is none. Nothing for null. With
/// `without_files` links to files are left out, because they are saved instead.
std::string render_output(const domain::Value& output, bool joined, bool without_files);

}  // namespace hekto::cli
