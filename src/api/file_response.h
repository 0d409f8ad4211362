// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "domain/prediction.h"
#include "http/message.h"
#include "ports/file_store.h"

namespace hekto::api {

/// Disposition, CORS, and the headers by which nothing in the file can run as a page of this origin.
void add_content_headers(http::Response& response, const std::string& name, std::string_view content_type);

/// The file itself: exact type and length, ETag with If-None-Match, Range with If-Range, CORS, and headers by which
/// nothing in it can run as a page of this origin. `owner` is the FileKey's, `left` how long it may be cached.
async::Task<http::Response> file_response(ports::FileStore& files, const http::Request& request, std::string owner,
                                          domain::OutputFile file, Duration left);

}  // namespace hekto::api
