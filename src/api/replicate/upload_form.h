// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>

#include "http/message.h"
#include "service/files.h"

namespace hekto::api {

/// Reads the form of POST /files in every shape in which clients send it: parts in any order; metadata as a JSON text,
/// as a JSON part with a file name, or as metadata[a][b] fields, whose values stay text.
/// Either what to store, or the refusal to answer with: 415 for what is no form, 400 for a broken one, 422 otherwise.
std::variant<service::NewFile, http::Response> read_upload_form(const http::Request& request);

}  // namespace hekto::api
