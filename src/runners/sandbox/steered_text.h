// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "domain/steering.h"

namespace hekto::runners {

/// `text` repeated to exactly `size` bytes; never ends inside a UTF-8 character.
std::string fill(std::string_view text, std::size_t size);

/// The chunks of a text stream as it is steered: `usual`, or awkward ones, brought to the number of items and to the
/// size that are wanted. A stream that is not counted ends with an empty chunk, as language models' do.
std::vector<std::string> steered_chunks(std::vector<std::string> usual, const domain::Steering& steering);

/// Texts that decoders of event streams and of JSON trip over.
const std::vector<std::string>& awkward_chunks();

}  // namespace hekto::runners
