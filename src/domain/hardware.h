// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace hekto::domain {

/// A kind of machine that models and deployments can ask for.
struct Hardware {
  std::string sku;
  std::string name;
  friend bool operator==(const Hardware&, const Hardware&) = default;
};

/// What is offered unless configured otherwise.
inline std::vector<Hardware> default_hardware() {
  return {{"cpu", "CPU"},
          {"gpu-t4", "Nvidia T4 GPU"},
          {"gpu-a40-small", "Nvidia A40 GPU"},
          {"gpu-a40-large", "Nvidia A40 (Large) GPU"}};
}

}  // namespace hekto::domain
