// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace hekto::runners {

/// How a test steers the sandbox, written anywhere into the prompt:
///   [sandbox:fail] [sandbox:fail=message]  the run fails after its steps, before any output
///   [sandbox:fail-after=N]                 fails once N output items are there
///   [sandbox:setup=2s]                     stays that much longer in `starting`
///   [sandbox:delay=2s]                     runs that much longer before its first output
///   [sandbox:pause=200ms]                  waits that long before each further output item: a slow stream
///   [sandbox:malformed]                    gives an output that breaks the model's schema
/// Spans are those of parse_duration, at most ten minutes, and are real time whatever the sandbox's speed.
/// What is not understood is left alone.
struct Directives {
  std::optional<std::string> fail;
  std::optional<std::size_t> fail_after;
  Duration setup{};
  Duration delay{};
  Duration pause{};
  bool malformed = false;
};

Directives parse_directives(std::string_view prompt);

}  // namespace hekto::runners
