// SPDX-License-Identifier: Apache-2.0
// Sound and video, checked by decoders: libsndfile's and OpenH264's own.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <sndfile.h>
#include <wels/codec_api.h>

#include <gtest/gtest.h>

#include "domain/media_type.h"
#include "runners/sandbox/audio_file.h"
#include "runners/sandbox/given_image.h"
#include "runners/sandbox/movie.h"
#include "runners/sandbox/mp4.h"
#include "runners/sandbox/picture.h"
#include "tests/support/sample_models.h"

namespace hekto::runners {
namespace {

using domain::OutputKind;
using domain::Value;
using test::object;

Inputs inputs_of(const domain::Model& model, const Value& input) { return {model.latest(), input}; }

struct Reader {
  const std::string* bytes;
  sf_count_t at = 0;
};

/// Decodes a sound file; an empty one when it cannot be.
Sound decode(const std::string& bytes) {
  Reader reader{&bytes, 0};
  SF_VIRTUAL_IO io{[](void* user) { return static_cast<sf_count_t>(static_cast<Reader*>(user)->bytes->size()); },
                   [](sf_count_t offset, int whence, void* user) {
                     auto& r = *static_cast<Reader*>(user);
                     const auto size = static_cast<sf_count_t>(r.bytes->size());
                     return r.at = offset + (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r.at : size);
                   },
                   [](void* to, sf_count_t count, void* user) {
                     auto& r = *static_cast<Reader*>(user);
                     const auto some = std::min<sf_count_t>(count, static_cast<sf_count_t>(r.bytes->size()) - r.at);
                     std::memcpy(to, r.bytes->data() + r.at, static_cast<std::size_t>(some));
                     r.at += some;
                     return some;
                   },
                   [](const void*, sf_count_t, void*) { return sf_count_t{0}; },
                   [](void* user) { return static_cast<Reader*>(user)->at; }};
  SF_INFO info{};
  SNDFILE* file = sf_open_virtual(&io, SFM_READ, &info, &reader);
  if (file == nullptr) return {0, 0, {}};
  Sound sound{info.samplerate, info.channels, {}};
  sound.samples.resize(static_cast<std::size_t>(info.frames * info.channels));
  sound.samples.resize(static_cast<std::size_t>(
      sf_read_float(file, sound.samples.data(), static_cast<sf_count_t>(sound.samples.size()))));
  sf_close(file);
  return sound;
}

double loudness(const Sound& sound) {
  const double sum = std::inner_product(sound.samples.begin(), sound.samples.end(), sound.samples.begin(), 0.0);
  return std::sqrt(sum / static_cast<double>(sound.samples.size()));
}

TEST(Audio, IsAFileThatADecoderReadsInEveryFormat) {
  const auto speech = speak({.text = "A kite over the hills, at dusk.", .seed = 7});
  const auto tune = play({.seed = 7, .seconds = 2});
  for (const auto* sound : {&speech, &tune}) {
    for (const auto format : {AudioFormat::wav, AudioFormat::mp3, AudioFormat::flac, AudioFormat::ogg}) {
      const auto bytes = encode_audio(*sound, format).value();
      const auto name = std::string(extension(format));
      const auto read = decode(bytes);
      ASSERT_FALSE(read.samples.empty()) << name;
      EXPECT_EQ(read.rate, sound->rate) << name;
      EXPECT_EQ(read.channels, sound->channels) << name;
      EXPECT_NEAR(read.seconds(), sound->seconds(), 0.15) << name;
      EXPECT_NEAR(loudness(read), loudness(*sound), 0.03) << name;
      EXPECT_EQ(encode_audio(*sound, format).value(), bytes) << name << ": the same sound, the same bytes";
      if (format != AudioFormat::mp3) EXPECT_EQ(domain::guess_media_type("", bytes), content_type(format));
    }
  }
}

TEST(Speech, LastsAsLongAsItsTextAndKeepsToItsBounds) {
  const auto of = [](std::string text, double speed = 1) { return speak({std::move(text), 1, speed}).seconds(); };
  const double one = of("The quick brown fox jumps over the lazy dog.");
  EXPECT_GT(one, 1.5);
  EXPECT_LT(one, 6);
  EXPECT_NEAR(of("The quick brown fox jumps over the lazy dog.", 2), one / 2, 0.2);
  EXPECT_GT(of("The quick brown fox jumps over the lazy dog. And again it jumps."), one);
  EXPECT_GE(of(""), 0.1);
  EXPECT_LE(of(std::string(100'000, 'a')), 60.01);
  EXPECT_GT(of("Trường đại học Hà Nội"), 1);
}

TEST(Sounds, AreLoudEnoughAndNeverClip) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    for (const auto& sound :
         {speak({.text = "Good morning to all of you.", .seed = seed}), play({.seed = seed, .seconds = 4})}) {
      for (const float s : sound.samples) ASSERT_TRUE(std::isfinite(s) && std::abs(s) <= 1);
      EXPECT_GT(loudness(sound), 0.02);
      EXPECT_LT(loudness(sound), 0.4);
      EXPECT_LT(std::abs(sound.samples.back()), 0.01F) << "no click at the end";
    }
  }
  EXPECT_NE(play({.seed = 1, .seconds = 1}).samples, play({.seed = 2, .seconds = 1}).samples);
}

TEST(AudioOptions, AreReadFromTheInput) {
  const auto model = test::make_model("a", "b", OutputKind::file, {{"output_format", test::property("string", "mp3")}},
                                      test::file_schema());
  EXPECT_EQ(audio_options(inputs_of(model, object({}))).format, AudioFormat::mp3);
  const Value input = object({{"output_format", "wav"}, {"duration", "12s"}, {"speed", 9}});
  const auto options = audio_options(inputs_of(model, input));
  EXPECT_EQ(options.format, AudioFormat::wav);
  EXPECT_EQ(options.seconds, 12);
  EXPECT_EQ(options.speed, 2);
  const Value odd = object({{"output_format", "pcm"}, {"duration", 1e9}});
  EXPECT_EQ(audio_options(inputs_of(model, odd)).format, AudioFormat::wav);
  EXPECT_EQ(audio_options(inputs_of(model, odd)).seconds, 60);
}

MovieOptions movie_of(Value::Object input) {
  const auto model = test::make_model("a", "b", OutputKind::file, {}, test::file_schema());
  const Value value(std::move(input));
  return movie_options(inputs_of(model, value));
}

TEST(MovieOptions, AreReadFromTheInput) {
  const auto plain = movie_of({});
  EXPECT_EQ(std::tuple(plain.width, plain.height, plain.fps, plain.frames), std::tuple(848, 480, 16, 80));
  const auto tall = movie_of({{"aspect_ratio", "9:16"}, {"resolution", "720p"}, {"fps", 24}, {"duration", 2}});
  EXPECT_EQ(std::tuple(tall.width, tall.height, tall.fps, tall.frames), std::tuple(720, 1280, 24, 48));
  const auto sized = movie_of({{"size", "832*480"}, {"num_frames", 81}});
  EXPECT_EQ(std::tuple(sized.width, sized.height, sized.frames), std::tuple(832, 480, 81));
  const auto exact = movie_of({{"width", 576}, {"height", 320}});
  EXPECT_EQ(std::pair(exact.width, exact.height), std::pair(576, 320));
}

TEST(MovieOptions, KeepToTheirBounds) {
  const auto large = movie_of({{"resolution", "2160p"}, {"fps", 500}, {"duration", 9000}});
  EXPECT_EQ(large.width, 1280);
  EXPECT_EQ(large.fps, 30);
  EXPECT_EQ(large.frames, 300);
  const auto odd = movie_of({{"aspect_ratio", "0:9"}, {"resolution", "sharp"}, {"fps", -1}, {"num_frames", -4}});
  EXPECT_EQ(odd.height, 480);
  EXPECT_EQ(odd.fps, 4);
  EXPECT_GE(odd.frames, 1);
}

std::uint32_t be32(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes.at(at + i));
  return number;
}

/// The content of the first box at `path`, such as "moov/trak"; every box on the way must fit into its parent.
std::string_view box_at(std::string_view bytes, std::string_view path) {
  for (std::size_t at = 0; at + 8 <= bytes.size();) {
    const auto size = be32(bytes, at);
    EXPECT_GE(size, 8U);
    EXPECT_LE(at + size, bytes.size());
    if (size < 8 || at + size > bytes.size()) return {};
    const auto content = bytes.substr(at + 8, size - 8);
    if (bytes.substr(at + 4, 4) == path.substr(0, 4))
      return path.size() > 4 ? box_at(content, path.substr(5)) : content;
    at += size;
  }
  return {};
}

TEST(Movie, IsAnMp4FileWhoseFramesADecoderReads) {
  MovieSpec spec;
  spec.options = {.width = 320, .height = 192, .fps = 8, .frames = 20};
  spec.prompt = "a kite";
  spec.model = "a/b";
  auto movie = Movie::make(spec).value();
  ASSERT_TRUE(movie.draw(7));
  EXPECT_FALSE(movie.complete());
  ASSERT_TRUE(movie.draw(100));
  EXPECT_TRUE(movie.complete());
  const auto file = movie.file();
  EXPECT_EQ(domain::guess_media_type("", file), "video/mp4");

  const auto sizes = box_at(file, "moov/trak/mdia/minf/stbl/stsz");
  ASSERT_EQ(be32(sizes, 8), 20U);
  const auto header = box_at(file, "moov/mvhd");
  EXPECT_DOUBLE_EQ(static_cast<double>(be32(header, 16)) / be32(header, 12), 20.0 / 8);
  const auto offset = be32(box_at(file, "moov/trak/mdia/minf/stbl/stco"), 8);
  const auto entry = box_at(file, "moov/trak/mdia/minf/stbl/stsd").substr(16);
  const auto avcc = box_at(entry.substr(78), "avcC");
  const auto sps_size = static_cast<std::size_t>(static_cast<unsigned char>(avcc.at(7)));
  const std::string start("\0\0\0\1", 4);
  std::string stream = start + std::string(avcc.substr(8, sps_size));
  stream += start + std::string(avcc.substr(8 + sps_size + 3));

  ISVCDecoder* decoder = nullptr;
  ASSERT_EQ(WelsCreateDecoder(&decoder), 0);
  SDecodingParam parameters{};
  parameters.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
  ASSERT_EQ(decoder->Initialize(&parameters), 0);
  int decoded = 0;
  std::size_t at = offset;
  for (std::size_t i = 0; i < 20; ++i) {
    const auto size = be32(sizes, 12 + 4 * i);
    ASSERT_EQ(be32(file, at), size - 4) << "one unit a frame, behind its length";
    stream += start + file.substr(at + 4, size - 4);
    at += size;
    unsigned char* planes[3] = {};
    SBufferInfo info{};
    const auto state = decoder->DecodeFrameNoDelay(reinterpret_cast<unsigned char*>(stream.data()),
                                                   static_cast<int>(stream.size()), planes, &info);
    EXPECT_EQ(state, dsErrorFree) << i;
    if (info.iBufferStatus == 1) {
      ++decoded;
      EXPECT_EQ(info.UsrData.sSystemBuffer.iWidth, 320);
      EXPECT_EQ(info.UsrData.sSystemBuffer.iHeight, 192);
    }
    stream.clear();
  }
  EXPECT_EQ(at, file.size());
  EXPECT_EQ(decoded, 20);
  decoder->Uninitialize();
  WelsDestroyDecoder(decoder);

  auto again = Movie::make(spec).value();
  ASSERT_TRUE(again.draw(100));
  EXPECT_EQ(again.file(), file) << "the same spec, the same bytes";
}

TEST(GivenImage, IsReadInEveryFormatThatIsDrawn) {
  for (const auto format : {ImageFormat::webp, ImageFormat::jpg, ImageFormat::png}) {
    Picture picture;
    picture.width = 200;
    picture.height = 120;
    picture.format = format;
    const auto bytes = draw_picture(picture).value();
    EXPECT_EQ(image_size(bytes), std::pair(200, 120));
    const auto image = decode_image(bytes);
    ASSERT_NE(image, nullptr);
    EXPECT_EQ(image->sx, 200);
    for (std::size_t cut = 0; cut < bytes.size(); cut += 97) decode_image(bytes.substr(0, cut));
  }
  EXPECT_EQ(decode_image("GIF89a no image at all, whatever it says"), nullptr);
}

TEST(GivenImage, IsRefusedWhenItsPixelsWouldFillTheMemory) {
  std::string huge("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x02\0\0\0", 29);
  huge += std::string(40, 'x');
  EXPECT_EQ(image_size(huge), std::pair(65535, 65535));
  EXPECT_EQ(decode_image(huge), nullptr);
}

TEST(GivenImage, ShowsInThePicture) {
  Picture red;
  red.width = red.height = 256;
  red.format = ImageFormat::png;
  red.given.reset(gdImageCreateTrueColor(30, 20), DestroyGd{});
  gdImageFilledRectangle(red.given.get(), 0, 0, 29, 19, 0xff0000);
  const auto image = decode_image(draw_picture(red).value());
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->tpixels[100][40], 0xff0000);
  red.cutout = true;
  const auto cut = decode_image(draw_picture(red).value());
  EXPECT_EQ(gdTrueColorGetAlpha(cut->tpixels[5][5]), gdAlphaTransparent);
  EXPECT_EQ(cut->tpixels[120][128], 0xff0000);
}

TEST(ImageOptions, FollowTheGivenImageUnlessASizeIsSent) {
  const auto model = test::sdxl_model();
  const auto of = [&](Value::Object input) {
    const Value value(std::move(input));
    const auto options = image_options(inputs_of(model, value), std::pair(300, 200));
    return std::pair(options.width, options.height);
  };
  EXPECT_EQ(of({}), std::pair(300, 200));
  EXPECT_EQ(of({{"scale", 4}}), std::pair(1200, 800));
  EXPECT_EQ(of({{"upscale_factor", "4x"}}), std::pair(1200, 800));
  EXPECT_EQ(of({{"scale", 16}}), std::pair(4096, 2731));
  EXPECT_EQ(of({{"width", 512}, {"height", 256}}), std::pair(512, 256));
}

}  // namespace
}  // namespace hekto::runners
