// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hekto::app {

/// The candidate that `word` was most likely meant to be: at most two letters away (one for words under four letters),
/// counting a swap of neighbours as one. Empty when nothing is that near. Case does not matter.
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

/// "; did you mean 'x'?" for the nearest candidate, or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace hekto::app
