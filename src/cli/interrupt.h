// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hekto::cli {

/// While one lives, the first SIGINT or SIGTERM is only noted, and a second one of the same kind ends the process as
/// usual. One at a time.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  bool requested() const;
};

}  // namespace hekto::cli
