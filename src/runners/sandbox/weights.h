// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hekto::runners {

/// What the sandbox gives for trained weights: a file in the safetensors format (8 bytes of length, a JSON header, the
/// numbers) with one small tensor of zeros. Its metadata says that nothing was trained, and names `model`
/// ("owner/name"), `destination` and `seed`. The same arguments make the same bytes.
std::string sandbox_weights(std::string_view model, std::string_view destination, std::uint64_t seed);

}  // namespace hekto::runners
