// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hekto::domain {

/// Whether a text is of one format.
using FormatCheck = bool (*)(std::string_view);

/// The check behind `"format": name`, or nullptr for a name that says nothing about which texts are good ("password",
/// "byte", anything unknown). Known: date, time, date-time, email, idn-email, hostname, ipv4, ipv6, uri, iri, uuid,
/// regex, json-pointer, relative-json-pointer. They accept what gojsonschema accepts, which is more than the standards
/// say in places: a time's hour may have one digit, a date-time may be a date or a time alone.
FormatCheck find_format(std::string_view name);

}  // namespace hekto::domain
