// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace hekto::domain {

/// What a deployment runs, and on what. Every change makes a new release.
struct Release {
  std::int64_t number = 1;  ///< 1, 2, 3 …
  std::string model;        ///< "owner/name"
  std::string version;      ///< 64 hex characters
  std::string hardware;     ///< a sku
  int min_instances = 0;
  int max_instances = 1;
  Time created_at{};
  friend bool operator==(const Release&, const Release&) = default;
};

/// A name of an account's own under which a version of a model can be run.
struct Deployment {
  std::string account;  ///< owning account id
  std::string name;     ///< unique within the account
  Time created_at{};
  Release release;  ///< the current one
  friend bool operator==(const Deployment&, const Deployment&) = default;
};

/// Whether two releases would run the same in the same way.
inline bool is_same_setup(const Release& a, const Release& b) {
  return a.model == b.model && a.version == b.version && a.hardware == b.hardware &&
         a.min_instances == b.min_instances && a.max_instances == b.max_instances;
}

}  // namespace hekto::domain
