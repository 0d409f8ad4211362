// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "api/api.h"
#include "domain/create_mark.h"

namespace hekto::api {

/// What the path of a create says already.
struct CreateTarget {
  domain::Offer offer = {};                       ///< empty: the body names a version
  std::string deployment = {};                    ///< name; empty: none
  std::optional<domain::RelayTarget> relay = {};  ///< set when the offer is relayed
};

/// Takes the header Hekto-Sandbox of a create, which steers the sandbox (domain/steering.h), into `steering`; "" when
/// there is none. The refusal to answer with (422) when it is not understood.
std::optional<http::Response> read_steering(const http::Request& request, std::string& steering);

/// Answers a create, with everything that the three of them have in common: body, Prefer,
/// Cancel-After, Hekto-Sandbox.
async::Task<http::Response> create_prediction(const Api& api, Call& call, CreateTarget target);

/// The part of it that comes after the body, for trainings too: Cancel-After, Hekto-Sandbox, the create itself, the
/// answer. `mark` is what read_create_mark says. Prefer is for predictions only.
async::Task<http::Response> answer_create(const Api& api, Call& call, service::CreatePrediction request,
                                          std::optional<domain::CreateMark> mark);

}  // namespace hekto::api
