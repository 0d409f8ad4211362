// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/prediction.h"

namespace hekto::store {

// How output lies in its two columns, and a webhook in one. Every text is preceded by its length as a base-128 number,
// low groups first. output: '1' for a list or '0', then the items. files: for each name, content type, sha256, then the
// size as such a number. An output without items and files is stored as NULL in both.

std::string encode_items(const domain::Output& output);
std::string encode_files(const std::vector<domain::OutputFile>& files);

/// The inverse; false when the bytes are not what the functions above write.
bool decode_items(std::string_view bytes, domain::Output& output);
bool decode_files(std::string_view bytes, std::vector<domain::OutputFile>& files);

// A webhook in its one column: the texts URL, origin and mount, then a byte for each event of the filter.
std::string encode_webhook(const domain::Webhook& webhook);
bool decode_webhook(std::string_view bytes, domain::Webhook& webhook);

}  // namespace hekto::store
