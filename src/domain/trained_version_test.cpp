// SPDX-License-Identifier: Apache-2.0
#include "domain/trained_version.h"

#include <gtest/gtest.h>

#include "domain/prediction.h"

namespace hekto::domain {
namespace {

TEST(TrainedVersion, HasAnIdThatFollowsFromTheTrainingsAlone) {
  const auto id = version_made_by("01k0000000000000000000000a");
  EXPECT_TRUE(is_version_id(id));
  EXPECT_EQ(version_made_by("01k0000000000000000000000a"), id);
  EXPECT_NE(version_made_by("01k0000000000000000000000b"), id);
}

TEST(TrainedVersion, BelongsToTheDestinationSinceTheTrainingSucceeded) {
  Prediction training;
  training.id = "01k0000000000000000000000a";
  training.version = std::string(64, 'c');
  training.training = TrainingTarget{"acme/hot-dog", std::string(64, 'a')};
  training.completed_at = from_micros(7);
  const TrainedVersion expected{version_made_by(training.id), "acme",        "hot-dog", training.id,
                                std::string(64, 'a'),         from_micros(7)};
  EXPECT_EQ(trained_version(training), expected);
}

TEST(TrainedVersion, IdsAreSixtyFourLowerCaseHexCharacters) {
  EXPECT_TRUE(is_version_id(std::string(64, 'f')));
  EXPECT_FALSE(is_version_id(std::string(63, 'f')));
  EXPECT_FALSE(is_version_id(std::string(65, 'f')));
  EXPECT_FALSE(is_version_id(std::string(64, 'F')));
  EXPECT_FALSE(is_version_id(""));
}

}  // namespace
}  // namespace hekto::domain
