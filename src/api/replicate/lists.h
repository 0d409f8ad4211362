// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/api.h"

namespace hekto::api {

// The handlers of lists that have more than one page: what the glued routes lead to.
async::Task<http::Response> list_predictions(const Api& api, Call& call);
async::Task<http::Response> list_trainings(const Api& api, Call& call);
async::Task<http::Response> list_deployments(const Api& api, Call& call);
async::Task<http::Response> list_files(const Api& api, Call& call);
async::Task<http::Response> list_models(const Api& api, Call& call);
/// Takes the model's owner and name from the first two parameters of the path.
async::Task<http::Response> list_versions(const Api& api, Call& call);

}  // namespace hekto::api
