// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "api/api.h"

namespace hekto::api {

/// What the path of a create says already.
struct CreateTarget {
  const domain::Model* model = nullptr;      ///< null: the body names a version
  const domain::Version* version = nullptr;  ///< null: the model's newest
  std::string deployment = {};               ///< name; empty: none
};

/// Answers a create, with everything that the three of them have in common: body, Prefer, Cancel-After.
async::Task<http::Response> create_prediction(const Api& api, Call& call, CreateTarget target);

}  // namespace hekto::api
