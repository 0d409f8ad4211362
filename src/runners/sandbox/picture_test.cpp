// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/picture.h"

#include <array>

#include <gtest/gtest.h>

#include "runners/sandbox/caption.h"
#include "runners/sandbox/gd_image.h"

namespace hekto::runners {
namespace {

Image decode(const std::string& bytes, ImageFormat format) {
  void* data = const_cast<char*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  switch (format) {
    case ImageFormat::webp:
      return Image(gdImageCreateFromWebpPtr(size, data));
    case ImageFormat::jpg:
      return Image(gdImageCreateFromJpegPtr(size, data));
    case ImageFormat::png:
      return Image(gdImageCreateFromPngPtr(size, data));
  }
  return nullptr;
}

Picture small_picture(ImageFormat format) {
  return {.width = 320,
          .height = 224,
          .format = format,
          .quality = 80,
          .seed = 7,
          .index = 0,
          .prompt = "a red kite over the sea",
          .model = "black-forest-labs/flux-schnell"};
}

constexpr std::array kFormats{ImageFormat::webp, ImageFormat::jpg, ImageFormat::png};

TEST(Picture, DecodesToItsSizeInEveryFormat) {
  for (const auto format : kFormats) {
    const auto bytes = draw_picture(small_picture(format));
    ASSERT_TRUE(bytes);
    const auto image = decode(*bytes, format);
    ASSERT_NE(image, nullptr) << content_type(format);
    EXPECT_EQ(gdImageSX(image.get()), 320);
    EXPECT_EQ(gdImageSY(image.get()), 224);
  }
}

TEST(Picture, IsTheSameForTheSameSeedAndAnotherForAnother) {
  for (const auto format : kFormats) {
    auto picture = small_picture(format);
    const auto first = draw_picture(picture).value();
    EXPECT_EQ(draw_picture(picture).value(), first);
    picture.seed = 8;
    EXPECT_NE(draw_picture(picture).value(), first);
  }
}

TEST(Picture, DiffersFromImageToImageAndFromPromptToPrompt) {
  auto picture = small_picture(ImageFormat::png);
  const auto first = draw_picture(picture).value();
  picture.index = 1;
  EXPECT_NE(draw_picture(picture).value(), first);
  picture.index = 0;
  picture.prompt = "a blue kite over the sea";
  EXPECT_NE(draw_picture(picture).value(), first);
}

TEST(Picture, GrowsWithQualityButNotAsPng) {
  for (const auto format : kFormats) {
    auto picture = small_picture(format);
    std::array<std::size_t, 3> sizes{};
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      picture.quality = std::array{5, 60, 100}[i];
      sizes[i] = draw_picture(picture).value().size();
    }
    if (format == ImageFormat::png) {
      EXPECT_EQ(sizes[0], sizes[2]);
    } else {
      EXPECT_LT(sizes[0], sizes[1]);
      EXPECT_LT(sizes[1], sizes[2]);
    }
  }
}

TEST(Picture, DrawsAnyPromptAtAnySize) {
  const std::array<std::string, 6> prompts{"",
                                           "   \n\t ",
                                           std::string(5000, 'w'),
                                           "Một con mèo bay trên bầu trời Hà Nội &lt;tag&gt; & \"quotes\"",
                                           "東京 العربية 🚀 e\xCC\x81",
                                           [] {
                                             std::string longest;
                                             for (int i = 0; i < 900; ++i) longest += "từ dài ";
                                             return longest;
                                           }()};
  for (const auto& [width, height] : {std::pair{16, 16}, {64, 64}, {64, 512}, {512, 64}}) {
    for (const auto& prompt : prompts) {
      auto picture = small_picture(ImageFormat::jpg);
      picture.width = width;
      picture.height = height;
      picture.prompt = prompt;
      const auto bytes = draw_picture(picture);
      ASSERT_TRUE(bytes) << width << "x" << height;
      const auto image = decode(*bytes, ImageFormat::jpg);
      ASSERT_NE(image, nullptr);
      EXPECT_EQ(gdImageSX(image.get()), width);
      EXPECT_EQ(gdImageSY(image.get()), height);
    }
  }
}

TEST(Wrap, KeepsEveryWordInOrderWithinTheRoom) {
  const auto& face = Typeface::bold();
  bool shortened = true;
  const auto lines = wrap("một hai  ba\nbốn năm sáu bảy tám chín mười", face, 20, 150, 99, shortened);
  EXPECT_FALSE(shortened);
  std::string joined;
  for (const auto& line : lines) {
    // Words are measured one by one; together they may be a pixel or two wider.
    EXPECT_LE(face.width(line, 20), 150 + 4) << line;
    joined += joined.empty() ? line : " " + line;
  }
  EXPECT_GT(lines.size(), 2U);
  EXPECT_EQ(joined, "một hai ba bốn năm sáu bảy tám chín mười");
}

TEST(Wrap, EndsWithAnEllipsisWhenThereIsMore) {
  bool shortened = false;
  const auto lines = wrap("one two three four five six seven eight nine ten", Typeface::bold(), 20, 150, 2, shortened);
  EXPECT_TRUE(shortened);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines.back().ends_with("…")) << lines.back();
}

TEST(Wrap, BreaksAWordThatIsLongerThanALine) {
  bool shortened = true;
  std::string joined;
  for (const auto& line : wrap("đđđđđđđđđđđđđđđđđđđđđđđđ", Typeface::bold(), 20, 100, 99, shortened)) joined += line;
  EXPECT_FALSE(shortened);
  EXPECT_EQ(joined, "đđđđđđđđđđđđđđđđđđđđđđđđ");
}

TEST(Typeface, TakesEntitiesForPlainText) {
  const auto& face = Typeface::bold();
  if (!face.scalable()) GTEST_SKIP() << "no TrueType font is installed";
  EXPECT_GT(face.width("&lt;", 40), 2 * face.width("<", 40));
}

TEST(Typeface, FallsBackToBitmapLettersWithoutAFont) {
  const Typeface face(std::array<std::string_view, 1>{"/nonexistent/font.ttf"});
  EXPECT_FALSE(face.scalable());
  EXPECT_GT(face.width("wide", 20), face.width("w", 20));
  const Image image(gdImageCreateTrueColor(200, 120));
  draw_caption(*image, Caption{"mèo & dog", "seed 1"}, face, face);
  int lit = 0;
  for (int y = 0; y < 120; ++y) {
    for (int x = 0; x < 200; ++x) lit += image->tpixels[y][x] == 0xffffff ? 1 : 0;
  }
  EXPECT_GT(lit, 50);
}

}  // namespace
}  // namespace hekto::runners
