// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/weights.h"

#include "base/json_text.h"

namespace hekto::runners {

std::string sandbox_weights(std::string_view model, std::string_view destination, std::uint64_t seed) {
  constexpr std::size_t kNumbers = 16;  // of four bytes each
  const std::size_t bytes = kNumbers * 4;
  std::string header =
      R"({"__metadata__":{"format":"pt","note":"made by the Hekto sandbox: nothing was trained","base":)";
  append_json_string(header, model);
  header += R"(,"destination":)";
  append_json_string(header, destination);
  header += R"(,"seed":")" + std::to_string(seed) + R"("},"sandbox.lora.weight":{"dtype":"F32","shape":[4,4],)";
  header += R"("data_offsets":[0,)" + std::to_string(bytes) + "]}}";
  header.append((8 - header.size() % 8) % 8, ' ');  // the numbers begin at a multiple of eight

  std::string out;
  for (std::size_t i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  out += header;
  out.append(bytes, '\0');
  return out;
}

}  // namespace hekto::runners
