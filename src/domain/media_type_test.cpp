// SPDX-License-Identifier: Apache-2.0
#include "domain/media_type.h"

#include <gtest/gtest.h>

namespace hekto::domain {
namespace {

TEST(MediaType, TrustsTheFirstBytesMoreThanTheName) {
  EXPECT_EQ(guess_media_type("a.png", "\xff\xd8\xff\xe0"), "image/jpeg");
  EXPECT_EQ(guess_media_type("a", "RIFF....WEBPVP8 "), "image/webp");
  EXPECT_EQ(guess_media_type("a", std::string_view("\0\0\0\x18"
                                                   "ftypisom",
                                                   12)),
            "video/mp4");
  EXPECT_EQ(guess_media_type("A.MP3", "data"), "audio/mpeg");
  EXPECT_EQ(guess_media_type("a", "plain"), "text/plain");
  EXPECT_EQ(guess_media_type("a", std::string_view("\0\1", 2)), "application/octet-stream");
  EXPECT_EQ(ending_of("image/PNG; q=1"), ".png");
  EXPECT_EQ(ending_of("x/y"), ".bin");
}

TEST(MediaType, LooksAtTheBeginningOfLongTextOnly) {
  std::string text(100'000, 'x');
  text.back() = '\xFF';
  EXPECT_EQ(guess_media_type("a", text), "text/plain");
  std::string accents = "x";
  while (accents.size() < 100'000) accents += "\xC3\xA1";
  EXPECT_EQ(guess_media_type("a", accents), "text/plain") << "wherever the beginning is cut";
}

TEST(MediaType, IsATypeASubtypeAndParameters) {
  for (const char* type : {"image/png", "text/plain; charset=utf-8", "application/vnd.x+json", "a/b;c"}) {
    EXPECT_TRUE(is_media_type(type)) << type;
  }
  for (const char* type :
       {"", "image", "image/", "/png", "a/b/c", "a b/c", "image/png\r\nx: y", "a/b;\xC3\xA1", "*/*"}) {
    EXPECT_FALSE(is_media_type(type)) << type;
  }
  EXPECT_FALSE(is_media_type("a/" + std::string(254, 'b')));
}

TEST(MediaType, FitsAPatternOfAcceptedTypes) {
  EXPECT_TRUE(fits_media_type("image/png", "*/*"));
  EXPECT_TRUE(fits_media_type("image/png", "image/*"));
  EXPECT_TRUE(fits_media_type("IMAGE/PNG; q=1", "image/png"));
  EXPECT_FALSE(fits_media_type("image/png", "image/jpeg"));
  EXPECT_FALSE(fits_media_type("image/png", "video/*"));
  EXPECT_FALSE(fits_media_type("imagex/png", "image/*"));
}

}  // namespace
}  // namespace hekto::domain
