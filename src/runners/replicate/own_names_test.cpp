// SPDX-License-Identifier: Apache-2.0
// What clients see of models of theirs that others stand for at an upstream.
#include <gtest/gtest.h>

#include "json/value_json.h"
#include "runners/replicate/progress.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using domain::Value;

const std::string kOwn = "alice/dog";
const std::string kTheirs = "operator/" + training_model_name(kOwn);
const std::string kVersion(64, 'd');

class OwnNames : public testing::Test {
 protected:
  OwnNames() {
    options_.url = "http://upstream.example";
    options_.accounts = {{"main", Secret("token-1")}};
  }
  static domain::Prediction training(std::string base = std::string(64, 'a')) {
    domain::Prediction p;
    p.relay = domain::RelayTarget{domain::RelayTarget::Kind::training, "ostris/trainer:" + std::string(64, 'a')};
    p.training = domain::TrainingTarget{kOwn, std::move(base)};
    return p;
  }
  static Snapshot snapshot(domain::Status state, std::string logs, Value output = {}) {
    Snapshot shown;
    shown.state = state;
    shown.logs = std::move(logs);
    shown.output = std::move(output);
    return shown;
  }
  static Value trained(const std::string& version) {
    return Value::Object{{"version", version}, {"weights", "http://upstream.example/w.tar"}};
  }

  UpstreamOptions options_;
};

TEST_F(OwnNames, StandInTheOutputOfATraining) {
  const Scrubber scrubber(options_);
  const auto p = training();
  Progress progress(options_, scrubber, p);
  const auto steps = progress.on_snapshot(snapshot(domain::Status::succeeded, "", trained(kTheirs + ":" + kVersion)));
  ASSERT_EQ(steps.size(), 3u);
  const auto& item = std::get<StepItem>(steps[1]);
  EXPECT_EQ(item.json.substr(0, item.json.find(",\"weights")), R"({"version":"alice/dog:)" + kVersion + "\"");
  EXPECT_EQ(item.files, std::vector<std::string>{"http://upstream.example/w.tar"});
  EXPECT_EQ(std::get<StepSucceeded>(steps[2]).made, kTheirs + ":" + kVersion);
}

TEST_F(OwnNames, StandInLogsAndErrorsThoughTheyComeInPieces) {
  const Scrubber scrubber(options_);
  const auto p = training();
  const std::string whole = "training " + kTheirs + " in 3 steps\nsaved " + kTheirs;
  Progress progress(options_, scrubber, p);
  std::string logs;
  std::string error;
  const auto take = [&](std::vector<Step> steps) {
    for (const auto& step : steps) {
      if (const auto* log = std::get_if<StepLog>(&step)) logs += log->text;
      if (const auto* failed = std::get_if<StepFailed>(&step)) error = failed->error;
    }
  };
  for (std::size_t length = 1; length <= whole.size(); ++length) {
    take(progress.on_snapshot(snapshot(domain::Status::processing, whole.substr(0, length))));
    EXPECT_EQ(logs.find("operator"), std::string::npos);
  }
  auto last = snapshot(domain::Status::failed, whole);
  last.error = "no room for " + kTheirs;
  take(progress.on_snapshot(last));
  EXPECT_EQ(logs, "training alice/dog in 3 steps\nsaved alice/dog");
  EXPECT_EQ(error, "no room for alice/dog");
}

TEST_F(OwnNames, StandInTheLogsOfWhatRunsATrainedVersion) {
  const Scrubber scrubber(options_);
  domain::Prediction p;
  p.model = kOwn;
  p.relay = domain::RelayTarget{domain::RelayTarget::Kind::trained, "replicate/main:" + kVersion};
  Progress progress(options_, scrubber, p);
  const auto steps = progress.on_snapshot(snapshot(domain::Status::succeeded, "in place of " + kTheirs + ";"));
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(std::get<StepLog>(steps[1]).text, "in place of alice/dog;");
}

TEST_F(OwnNames, AreNoneWhereTheDestinationIsTheUpstreams) {
  const Scrubber scrubber(options_);
  const auto p = training("");
  Progress progress(options_, scrubber, p);
  const auto steps = progress.on_snapshot(snapshot(domain::Status::succeeded, "saved " + kTheirs));
  EXPECT_EQ(std::get<StepLog>(steps[1]).text, "saved " + kTheirs);
}

}  // namespace
}  // namespace hekto::runners::replicate
