// SPDX-License-Identifier: Apache-2.0
#include "domain/output_media.h"

#include <gtest/gtest.h>

#include "tests/support/sample_models.h"

namespace hekto::domain {
namespace {

Media media_of(std::string name, Value::Object inputs, std::string description = "") {
  auto model = test::make_model("a", std::move(name), OutputKind::file, std::move(inputs), test::file_schema());
  model.description = std::move(description);
  return output_media(model, model.latest());
}

Value choices(std::initializer_list<const char*> names) {
  Value::Array list;
  for (const auto* name : names) list.emplace_back(name);
  return test::object({{"type", "string"}, {"enum", Value(std::move(list))}});
}

TEST(OutputMedia, IsWhatTheCatalogSays) {
  auto model = test::flux_model();
  EXPECT_EQ(output_media(model, model.latest()), Media::image);
  model.sandbox.output = Media::video;
  EXPECT_EQ(output_media(model, model.latest()), Media::video);
}

TEST(OutputMedia, FollowsTheFormatsThatCanBeAskedFor) {
  EXPECT_EQ(media_of("x", {{"output_format", choices({"mp4", "webm"})}}), Media::video);
  EXPECT_EQ(media_of("x", {{"audio_format", choices({"mp3", "wav"})}}), Media::speech);
  EXPECT_EQ(media_of("x", {{"format", test::property("string", "wav")}, {"duration", test::property("integer", 8)}}),
            Media::music);
  EXPECT_EQ(media_of("video-thumbnail", {{"output_format", choices({"png", "webp"})}}), Media::image);
}

TEST(OutputMedia, FollowsInputsAndWordsWhereNoFormatTells) {
  EXPECT_EQ(media_of("zeroscope", {{"num_frames", test::property("integer", 24)}}), Media::video);
  EXPECT_EQ(media_of("wan-2.1-i2v-480p", {}), Media::video);
  EXPECT_EQ(media_of("singer", {{"lyrics", test::property("string", "la")}}), Media::music);
  EXPECT_EQ(media_of("kokoro-82m", {{"text", test::property("string", "")}}, "A text-to-speech model"), Media::speech);
  EXPECT_EQ(media_of("musicgen", {{"prompt", test::property("string", "")}}), Media::music);
  EXPECT_EQ(media_of("remove-bg", {}), Media::cutout);
  EXPECT_EQ(media_of("real-esrgan", {{"scale", test::property("number", 4)}}, "Upscales images"), Media::image);
  EXPECT_EQ(media_of("x", {}), Media::image);
}

TEST(OutputMedia, HasNamesThatReadBack) {
  for (const auto* name : {"image", "cutout", "speech", "music", "video"}) {
    ASSERT_TRUE(parse_media(name));
    EXPECT_EQ(to_string(*parse_media(name)), name);
  }
  EXPECT_FALSE(parse_media("smell"));
}

}  // namespace
}  // namespace hekto::domain
