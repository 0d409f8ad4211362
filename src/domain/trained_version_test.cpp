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

Prediction relayed_training() {
  Prediction training;
  training.id = "01k0000000000000000000000a";
  training.training = TrainingTarget{"acme/hot-dog", std::string(64, 'a')};
  training.completed_at = from_micros(7);
  training.relay = RelayTarget{RelayTarget::Kind::training, "ostris/trainer:" + std::string(64, 'a')};
  training.submission = Submission{};
  training.submission->upstream = "replicate";
  training.submission->account = "main";
  return training;
}

TEST(TrainedVersion, OfARelayedTrainingIsTheUpstreamsWithItsHome) {
  const auto training = relayed_training();
  const std::string id(64, 'd');
  const TrainedVersion expected{id,
                                "acme",
                                "hot-dog",
                                training.id,
                                std::string(64, 'a'),
                                from_micros(7),
                                RemoteHome{"replicate", "main", "op/m"}};
  EXPECT_EQ(trained_version(training, "op/m:" + id), expected);
}

TEST(TrainedVersion, IsNoneWhenTheUpstreamHasMadeNoneForUs) {
  auto training = relayed_training();
  for (const std::string made : {"", "op/m", "op/m:", "op/m:latest"}) {
    EXPECT_EQ(trained_version(training, made), std::nullopt) << made;
  }
  training.training->base.clear();
  EXPECT_EQ(trained_version(training, "op/m:" + std::string(64, 'd')), std::nullopt) << "the destination is theirs";
}

TEST(TrainedVersion, HomesAreKeptAsTexts) {
  const RemoteHome home{"replicate", "main", "op/m"};
  EXPECT_EQ(to_text(home), "replicate/main/op/m");
  EXPECT_EQ(parse_remote_home(to_text(home)), home);
  for (const std::string text : {"", "a", "a/b", "a/b/c", "a/b/c/", "a//c/d", "/b/c/d", "a/b//d"}) {
    EXPECT_EQ(parse_remote_home(text), std::nullopt) << text;
  }
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
