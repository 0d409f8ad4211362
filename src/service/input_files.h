// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "domain/prediction.h"
#include "domain/schema.h"
#include "ports/clock.h"
#include "ports/file_store.h"
#include "ports/runner.h"
#include "ports/store.h"

namespace hekto::service {

struct InputLimits {
  std::size_t max_bytes = 100 << 20;         ///< all files of one prediction together
  std::vector<std::string> types = {"*/*"};  ///< media types that are taken: "image/png", "image/*", "*/*"
};

/// Gets hold of the files that an input names in places of format: uri: data: URLs, and files that the prediction's
/// account has uploaded, by their URL. Other URLs are left to the runner.
/// invalid_input, in words for the client, when a file is not there, not readable, too large or of a type that is not
/// taken: the prediction has failed. Any other error says nothing about the input: to be tried again.
async::Task<Result<std::vector<ports::InputFile>>> input_files(ports::Store& store, ports::FileStore& files,
                                                               const ports::Clock& clock, const InputLimits& limits,
                                                               const std::string& account, const domain::Schema& schema,
                                                               const domain::Value& input);

}  // namespace hekto::service
