// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "domain/model.h"

namespace hekto::domain {

std::string_view to_string(Media media);
std::optional<Media> parse_media(std::string_view text);

/// The media that the model's catalog entry names, else what its inputs and its words make likely: formats that it can
/// be asked for ("mp4", "mp3", …), inputs such as num_frames or lyrics, and words of its name, tags and description.
Media output_media(const Model& model, const Version& version);

}  // namespace hekto::domain
