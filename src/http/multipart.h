// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace hekto::http {

/// One part of a form. `body` points into the text that was parsed.
struct FormPart {
  std::string name;
  std::optional<std::string> filename;  ///< as sent, path and all
  std::string content_type;             ///< as sent; empty when absent
  std::string_view body;
};

inline constexpr std::size_t kMaxFormParts = 100;
inline constexpr std::size_t kMaxPartHead = 8 * 1024;  ///< bytes of one part's headers

/// The boundary out of a Content-Type header; nullopt unless it is multipart/form-data with a usable one.
std::optional<std::string> form_boundary(std::string_view content_type);

/// Takes a form apart (RFC 7578, RFC 2046 5.1): parts in the order sent, the same name any number of times. File names
/// are read in the three ways in which clients write them: quoted with backslashes, with %22 as browsers do, and
/// as filename*=UTF-8''… Text before the first and after the last boundary is ignored. invalid_input for what breaks
/// the form, lacks its end, or exceeds the limits above.
Result<std::vector<FormPart>> parse_form(std::string_view body, std::string_view boundary);

}  // namespace hekto::http
