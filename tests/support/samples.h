// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "base/ids.h"
#include "domain/prediction.h"

namespace hekto::test {

/// The instant at which the samples are made.
inline Time sample_time() { return from_micros(1'800'000'000'000'000); }

inline std::string sample_account() { return "01kzzzzzzzzzzzzzzzzzzzzzz0"; }

/// A prediction as it is just after its creation, with a fresh id.
inline domain::Prediction sample_prediction(Time created_at = sample_time(),
                                            const std::string& account = sample_account()) {
  domain::Prediction p;
  p.id = new_id(created_at);
  p.model = "black-forest-labs/flux-schnell";
  p.version = std::string(64, 'a');
  p.input = R"({"prompt":"an astronaut riding a horse"})";
  p.created_at = created_at;
  p.account = account;
  p.key_id = "k123456789";
  return p;
}

inline domain::OutputFile sample_file(const std::string& name, char fill) {
  return {name, "image/webp", 12345, std::string(64, fill)};
}

}  // namespace hekto::test
