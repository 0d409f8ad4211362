// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace hekto::runners {

/// One line of a progress bar as tqdm writes it, with a line feed:
/// " 50%|█████     | 2/4 [00:00<00:00,  6.10it/s]". `done` is 0 … total, `total` at least 1, `seconds_a_step` above 0.
std::string progress_line(int done, int total, double seconds_a_step);

}  // namespace hekto::runners
