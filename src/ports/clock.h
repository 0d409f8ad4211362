// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/time.h"

namespace hekto::ports {

/// Wall-clock time as a thing that is passed in, so that a test can stand at any hour. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

}  // namespace hekto::ports
