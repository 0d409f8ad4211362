// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "domain/steering.h"
#include "domain/value.h"

namespace hekto::runners {

/// Adds the directives of domain/steering.h that stand in `text` as "[sandbox:DIRECTIVE]". What is not understood is
/// left alone: it may well be part of a prompt.
void read_directives(std::string_view text, domain::Steering& steering);

/// How a run is steered: by directives in any text of its input, and by `header`, whose directives win over the same
/// ones in the input.
domain::Steering steering_of(const domain::Value& input, std::string_view header);

}  // namespace hekto::runners
