// SPDX-License-Identifier: Apache-2.0
#include "domain/output_media.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

#include "base/text.h"
#include "domain/openapi.h"

namespace hekto::domain {
namespace {

constexpr std::array<std::string_view, 5> kNames{"image", "cutout", "speech", "music", "video"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), ascii_lower);
  return out;
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return text.contains(part); });
}

/// What a format input can be set to, or is by default, as one text.
std::string formats_of(const Version& version, const Value& properties) {
  std::string all;
  for (const auto* name : {"output_format", "audio_format", "format"}) {
    const Value* property = properties.find(name);
    if (property == nullptr) continue;
    all += " " + lower(property->text_of("default"));
    // An enum is a schema of its own, called as the input is.
    for (const Value* part : {property, openapi_schema(version.openapi_schema, name)}) {
      const Value* choices = part != nullptr ? part->find("enum") : nullptr;
      if (choices == nullptr || choices->as_array() == nullptr) continue;
      for (const auto& choice : *choices->as_array()) {
        if (choice.as_string() != nullptr) all += " " + lower(*choice.as_string());
      }
    }
  }
  return all;
}

Media sound_of(std::string_view words, const Value& properties) {
  const auto named = [&](std::string_view name) { return properties.find(name) != nullptr; };
  if (has_any(words, {"speech", "tts", "voice", "speak"})) return Media::speech;
  if (has_any(words, {"music", "song", "melody", "sound effect"}) || named("lyrics")) return Media::music;
  return named("duration") || named("seconds") ? Media::music : Media::speech;
}

}  // namespace

std::string_view to_string(Media media) { return kNames[static_cast<std::size_t>(media)]; }

std::optional<Media> parse_media(std::string_view text) {
  const auto at = std::ranges::find(kNames, text);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<Media>(at - kNames.begin());
}

Media output_media(const Model& model, const Version& version) {
  if (model.sandbox.output) return *model.sandbox.output;
  static const Value kNone = Value::Object{};
  const Value* input = openapi_schema(version.openapi_schema, "Input");
  const Value* found = input != nullptr ? input->find("properties") : nullptr;
  const Value& properties = found != nullptr ? *found : kNone;
  const auto named = [&](std::string_view name) { return properties.find(name) != nullptr; };

  std::string words = lower(model.name);
  for (const auto& tag : model.tags) words += " " + lower(tag);
  const std::string formats = formats_of(version, properties);
  if (has_any(formats, {"mp4", "webm", "mov"})) return Media::video;
  if (has_any(formats, {"mp3", "wav", "flac", "ogg"})) return sound_of(words, properties);
  if (has_any(formats, {"png", "jpg", "jpeg", "webp"})) {
    return has_any(words, {"background", "rembg", "remove-bg", "cutout", "matting"}) ? Media::cutout : Media::image;
  }
  if (named("num_frames") || named("fps") || named("frames_per_second")) return Media::video;
  if (named("lyrics")) return Media::music;
  // The description speaks of what goes in as well, so it comes last.
  for (const auto& text : {words, lower(model.description)}) {
    if (has_any(text, {"background", "rembg", "remove-bg", "cutout", "matting"})) return Media::cutout;
    if (has_any(text, {"video", "animate", "i2v", "t2v"})) return Media::video;
    if (has_any(text, {"speech", "tts", "voice", "music", "audio", "song", "sound"})) return sound_of(text, properties);
    if (has_any(text, {"image", "picture", "photo"})) return Media::image;
  }
  return Media::image;
}

}  // namespace hekto::domain
