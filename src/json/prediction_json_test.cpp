// SPDX-License-Identifier: Apache-2.0
#include "json/prediction_json.h"

#include <gtest/gtest.h>

#include "json/value_json.h"

namespace hekto::json {
namespace {

using namespace std::chrono_literals;

const Time kT0 = from_micros(1'795'342'530'412'000);

class PredictionJson : public testing::Test {
 protected:
  PredictionJson() {
    p.id = "0123456789abcdefghjkmnpqrs";
    p.model = "black-forest-labs/flux-schnell";
    p.version = std::string(64, 'a');
    p.input = R"({"prompt":"a lighthouse"})";
    p.created_at = kT0;
  }
  std::string text() const {
    std::string out;
    append_prediction(out, p, urls);
    EXPECT_TRUE(parse(out)) << out;
    return out;
  }
  domain::Prediction after(std::vector<domain::Event> events, Time now) {
    for (const auto& event : events) p = *domain::apply(p, event, now);
    return p;
  }

  domain::Prediction p;
  domain::LinkSigner signer{Secret("k")};
  UrlContext urls{"https://hekto.example", "/replicate/v1", &signer};
};

TEST_F(PredictionJson, AFreshOneHasTheOfficialKeysInTheOfficialOrder) {
  EXPECT_EQ(
      text(),
      R"({"id":"0123456789abcdefghjkmnpqrs","model":"black-forest-labs/flux-schnell","version":")" +
          std::string(64, 'a') +
          R"(","input":{"prompt":"a lighthouse"},"logs":"","output":null,"data_removed":false,"error":null,)"
          R"("source":"api","status":"starting","created_at":"2026-11-22T10:15:30.412000Z",)"
          R"("urls":{"cancel":"https://hekto.example/replicate/v1/predictions/0123456789abcdefghjkmnpqrs/cancel",)"
          R"("get":"https://hekto.example/replicate/v1/predictions/0123456789abcdefghjkmnpqrs",)"
          R"("web":"https://hekto.example/p/0123456789abcdefghjkmnpqrs"}})");
}

TEST_F(PredictionJson, AFinishedOneHasTimesMetricsAndLinks) {
  const domain::OutputFile file{"out-0.png", "image/png", 3, std::string(64, 'b')};
  after({domain::Started{}}, kT0 + 1s);
  after(
      {domain::Produced{0, true, domain::file_placeholder(0), {file}}, domain::Succeeded{R"("image_output_count":1)"}},
      kT0 + 1500ms);
  const std::string out = text();
  EXPECT_NE(out.find(R"("metrics":{"predict_time":0.5,"total_time":1.5,"image_output_count":1})"), std::string::npos)
      << out;
  const std::string token = signer.token({domain::LinkKind::delivery, p.id, 0});
  EXPECT_NE(out.find(R"("output":["https://hekto.example/delivery/)" + token + R"(/out-0.png"])"), std::string::npos);
}

TEST_F(PredictionJson, ARelayedOneShowsTheUpstreamsTimesAndMetrics) {
  p.relay = domain::RelayTarget{domain::RelayTarget::Kind::model, p.model};
  after({domain::Submitting{"up", "main", "a"}, domain::Submitted{"a", "r1", "", "hidden", {}, kT0 - 1s}}, kT0);
  after({domain::Started{kT0 - 500ms}}, kT0 + 1s);
  after({domain::Succeeded{R"("predict_time":0.25,"tokens":3)", kT0}}, kT0 + 2s);
  const std::string out = text();
  EXPECT_NE(out.find(R"("metrics":{"predict_time":0.25,"tokens":3})"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("version":"hidden")"), std::string::npos);
  EXPECT_NE(out.find(R"("created_at":"2026-11-22T10:15:29.412000Z")"), std::string::npos);
  EXPECT_NE(out.find(R"("started_at":"2026-11-22T10:15:29.912000Z")"), std::string::npos);
  EXPECT_NE(out.find(R"("completed_at":"2026-11-22T10:15:30.412000Z")"), std::string::npos);
  EXPECT_EQ(out.find("replicate\""), std::string::npos) << "nothing of the submission";
}

TEST_F(PredictionJson, StreamsHaveAUrlWhoseFormTellsTextFromFiles) {
  p.stream = domain::StreamKind::text;
  EXPECT_TRUE(stream_url(p, urls).starts_with("https://hekto.example/replicate/v1/streams/"));
  p.stream = domain::StreamKind::files;
  EXPECT_TRUE(stream_url(p, urls).starts_with("https://hekto.example/v1/files/"));
  EXPECT_NE(text().find(R"("stream":"https://hekto.example/v1/files/)"), std::string::npos);
}

TEST_F(PredictionJson, ATimedOutCreateSaysStartingWhateverHappened) {
  after({domain::Started{}, domain::Logged{"x"}, domain::Produced{0, true, "\"a\"", {}}}, kT0 + 1s);
  std::string out;
  append_prediction_as_created(out, p, urls);
  EXPECT_NE(out.find(R"("status":"starting")"), std::string::npos);
  EXPECT_NE(out.find(R"("logs":"","output":null)"), std::string::npos);
  EXPECT_EQ(out.find("started_at"), std::string::npos);
}

TEST_F(PredictionJson, ATrainingNamesItsVersionInFullOnceItSucceeded) {
  p.training = domain::TrainingTarget{"acme/hot-dog", std::string(64, 'a')};
  EXPECT_NE(text().find(R"("get":"https://hekto.example/replicate/v1/trainings/0123456789abcdefghjkmnpqrs")"),
            std::string::npos);
  EXPECT_EQ(text().find("/predictions/"), std::string::npos);
  const domain::OutputFile file{"weights.tar", "application/x-tar", 3, std::string(64, 'b')};
  after({domain::Started{}, domain::Produced{0, false, domain::file_placeholder(0), {file}}}, kT0 + 1s);
  EXPECT_NE(text().find(R"("output":null)"), std::string::npos) << "there is no version yet";
  after({domain::Succeeded{""}}, kT0 + 2s);
  const std::string token = signer.token({domain::LinkKind::delivery, p.id, 0});
  const std::string output = R"("output":{"version":"acme/hot-dog:)" + domain::version_made_by(p.id) +
                             R"(","weights":"https://hekto.example/delivery/)" + token + R"(/weights.tar"})";
  EXPECT_NE(text().find(output), std::string::npos) << text();
  after({domain::Purged{}}, kT0 + 3s);
  EXPECT_NE(text().find(R"("output":null,"data_removed":true)"), std::string::npos);
}

TEST_F(PredictionJson, AFailureShowsItsErrorAndKeepsLogsAString) {
  after({domain::Started{}, domain::Failed{"out of \"memory\"", ""}}, kT0 + 1s);
  EXPECT_NE(text().find(R"("error":"out of \"memory\"")"), std::string::npos);
  EXPECT_NE(text().find(R"("logs":"")"), std::string::npos);
}

TEST_F(PredictionJson, WorkThatNeverStartedReportsNoRunningTime) {
  after({domain::Canceled{}}, kT0 + 2s);
  EXPECT_NE(text().find(R"("metrics":{"total_time":2})"), std::string::npos);
}

TEST_F(PredictionJson, EchoesTheWebhookAndItsFilterLastAndOnlyWhenGiven) {
  EXPECT_EQ(text().find("webhook"), std::string::npos);
  p.webhook = domain::Webhook{"https://a.example/hook?a=\"b", {}, "https://elsewhere.example", "/v1"};
  EXPECT_TRUE(text().ends_with(R"("},"webhook":"https://a.example/hook?a=\"b"})")) << text();
  p.webhook->filter = {domain::WebhookEvent::completed, domain::WebhookEvent::start};
  EXPECT_TRUE(text().ends_with(R"(,"webhook_events_filter":["completed","start"]})")) << text();
  EXPECT_EQ(text().find("elsewhere"), std::string::npos) << "the URLs are those of whoever asks";
  std::string created;
  append_prediction_as_created(created, p, urls);
  EXPECT_TRUE(created.ends_with(R"(,"webhook_events_filter":["completed","start"]})"));
}

}  // namespace
}  // namespace hekto::json
