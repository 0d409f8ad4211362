// SPDX-License-Identifier: Apache-2.0
// Trainings, and the versions that they make.
#include "tests/contract/store_harness.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::VersionUse;

const std::string kOther = "01kzzzzzzzzzzzzzzzzzzzzzz4";

class StoreTrainings : public StoreContract {
 protected:
  domain::OwnedModel add_model(const std::string& name, const std::string& visibility = "private") {
    domain::OwnedModel m;
    m.account = sample_account();
    m.owner = "acme";
    m.name = name;
    m.visibility = visibility;
    m.hardware = "cpu";
    m.created_at = sample_time();
    EXPECT_TRUE(run_task(store().create_model(m)).has_value());
    return m;
  }
  static domain::Prediction training(const std::string& model = "hot-dog",
                                     const std::string& account = sample_account()) {
    auto p = sample_prediction(sample_time(), account);
    p.training = domain::TrainingTarget{"acme/" + model, std::string(64, 'b')};
    return p;
  }
  domain::Prediction add(const domain::Prediction& p) {
    EXPECT_TRUE(run_task(store().create_prediction(p)).has_value());
    return p;
  }
  /// A training that runs to `end`, as it is then.
  domain::Prediction finish(const domain::Prediction& p, domain::Event end, Time at = sample_time() + 1s) {
    const auto epoch = run_task(store().claim(p.id, sample_time())).value().epoch;
    return run_task(store().record({p.id, epoch}, {domain::Started{}, std::move(end)}, at)).value();
  }
  /// The version of model `name` that a fresh training made.
  domain::TrainedVersion make_version(const std::string& name, Time at = sample_time() + 1s) {
    return domain::trained_version(finish(add(training(name)), domain::Succeeded{""}, at)).value();
  }
  Result<VersionUse> remove(const domain::TrainedVersion& v, const std::string& account = sample_account()) {
    return run_task(store().delete_version(account, v.owner, v.name, v.id));
  }
  std::vector<std::string> listed(bool trainings) {
    ports::PredictionQuery query;
    query.account = sample_account();
    query.trainings = trainings;
    std::vector<std::string> ids;
    for (const auto& p : run_task(store().list_predictions(query)).value().items) ids.push_back(p.id);
    return ids;
  }
};

TEST_P(StoreTrainings, KeepWhatTheyAreFor) {
  add_model("hot-dog");
  const auto p = add(training());
  EXPECT_EQ(find(p.id), p);
}

TEST_P(StoreTrainings, NeedADestinationThatIsAModelOfTheirAccount) {
  add_model("hot-dog");
  for (const auto& refused : {training("none"), training("hot-dog", kOther)}) {
    EXPECT_EQ(code_of(run_task(store().create_prediction(refused))), ErrorCode::not_found);
    EXPECT_EQ(code_of(run_task(store().find_prediction(refused.id))), ErrorCode::not_found);
  }
  auto formless = training();
  formless.training->destination = "hot-dog";
  EXPECT_EQ(code_of(run_task(store().create_prediction(formless))), ErrorCode::not_found);
}

TEST_P(StoreTrainings, AreListedApartFromPredictionsInPages) {
  add_model("hot-dog");
  std::vector<domain::Prediction> trainings;
  std::vector<domain::Prediction> predictions;
  for (int i = 0; i < 3; ++i) {
    trainings.push_back(add(training()));
    predictions.push_back(create());
  }
  EXPECT_EQ(listed(true), (std::vector{trainings[2].id, trainings[1].id, trainings[0].id}));
  EXPECT_EQ(listed(false), (std::vector{predictions[2].id, predictions[1].id, predictions[0].id}));

  ports::PredictionQuery query;
  query.account = sample_account();
  query.trainings = true;
  query.limit = 1;
  query.before_id = trainings[2].id;
  const auto older = run_task(store().list_predictions(query)).value();
  ASSERT_EQ(older.items.size(), 1u);
  EXPECT_EQ(older.items[0].id, trainings[1].id);
  EXPECT_TRUE(older.more);
  query.before_id.reset();
  query.after_id = trainings[1].id;
  const auto newer = run_task(store().list_predictions(query)).value();
  ASSERT_EQ(newer.items.size(), 1u);
  EXPECT_EQ(newer.items[0].id, trainings[2].id);
  EXPECT_FALSE(newer.more);
}

TEST_P(StoreTrainings, ThatAreRelayedGiveTheirDestinationTheUpstreamsVersion) {
  add_model("hot-dog");
  auto p = training();
  p.relay = domain::RelayTarget{domain::RelayTarget::Kind::training, "ostris/trainer:" + std::string(64, 'b')};
  const auto epoch = run_task(store().claim(add(p).id, sample_time())).value().epoch;
  const std::string id(64, 'e');
  const std::vector<domain::Event> events = {domain::Submitting{"replicate", "main", "attempt"},
                                             domain::Submitted{"attempt", "remote", "", "", {}, {}}, domain::Started{},
                                             domain::Succeeded{"", {}, "op/m:" + id}};
  const auto ended = run_task(store().record({p.id, epoch}, events, sample_time() + 1s)).value();
  const auto found = run_task(store().find_version(id)).value();
  EXPECT_EQ(found.version, domain::trained_version(ended, "op/m:" + id));
  EXPECT_EQ(found.version.home, (domain::RemoteHome{"replicate", "main", "op/m"}));
  EXPECT_EQ(found.model.latest_version, found.version);
  EXPECT_EQ(run_task(store().find_model("acme", "hot-dog")).value().latest_version, found.version);
  EXPECT_EQ(run_task(store().list_versions("acme", "hot-dog")).value(), std::vector{found.version});
  EXPECT_EQ(remove(found.version), VersionUse::none);
}

TEST_P(StoreTrainings, ThatAreRelayedToAModelOfTheUpstreamNeedAndMakeNothing) {
  auto p = training("none");
  p.training->base.clear();
  p.relay = domain::RelayTarget{domain::RelayTarget::Kind::training, "ostris/trainer:" + std::string(64, 'b')};
  const auto epoch = run_task(store().claim(add(p).id, sample_time())).value().epoch;
  const std::string id(64, 'e');
  const std::vector<domain::Event> events = {domain::Submitting{"replicate", "main", "attempt"},
                                             domain::Submitted{"attempt", "remote", "", "", {}, {}}, domain::Started{},
                                             domain::Succeeded{"", {}, "op/m:" + id}};
  EXPECT_TRUE(run_task(store().record({p.id, epoch}, events, sample_time())).has_value());
  EXPECT_EQ(code_of(run_task(store().find_version(id))), ErrorCode::not_found);
  auto own = training("none");
  own.relay = p.relay;
  EXPECT_EQ(code_of(run_task(store().create_prediction(own))), ErrorCode::not_found) << "a model of ours is needed";
}

TEST_P(StoreTrainings, GiveTheirDestinationAVersionWhenTheySucceed) {
  const auto m = add_model("hot-dog");
  const auto p = add(training());
  const auto id = domain::version_made_by(p.id);
  EXPECT_EQ(code_of(run_task(store().find_version(id))), ErrorCode::not_found);
  const auto ended = finish(p, domain::Succeeded{""});
  const auto expected = domain::trained_version(ended).value();
  EXPECT_EQ(expected.created_at, sample_time() + 1s);

  const auto found = run_task(store().find_version(id)).value();
  EXPECT_EQ(found.version, expected);
  EXPECT_EQ(found.model.latest_version, expected);
  auto model = found.model;
  model.latest_version.reset();
  EXPECT_EQ(model, m);
  EXPECT_EQ(run_task(store().find_model("acme", "hot-dog")).value(), found.model);
  EXPECT_EQ(run_task(store().list_models(sample_account())).value(), std::vector{found.model});
  EXPECT_EQ(run_task(store().list_versions("acme", "hot-dog")).value(), std::vector{expected});
}

TEST_P(StoreTrainings, MakeNoVersionWhenTheyEndOtherwise) {
  add_model("hot-dog");
  finish(add(training()), domain::Failed{"no", ""});
  const auto canceled = add(training());
  ASSERT_TRUE(run_task(store().end(canceled.id, domain::Canceled{}, sample_time())).has_value());
  EXPECT_TRUE(run_task(store().list_versions("acme", "hot-dog")).value().empty());
  EXPECT_EQ(run_task(store().find_model("acme", "hot-dog")).value().latest_version, std::nullopt);
}

TEST_P(StoreTrainings, MakeNoVersionUnderALeaseThatHasPassed) {
  add_model("hot-dog");
  const auto p = add(training());
  const auto stale = run_task(store().claim(p.id, sample_time())).value().epoch;
  const auto current = run_task(store().claim(p.id, sample_time())).value().epoch;
  const std::vector<domain::Event> events = {domain::Started{}, domain::Succeeded{""}};
  EXPECT_EQ(code_of(run_task(store().record({p.id, stale}, events, sample_time()))), ErrorCode::conflict);
  EXPECT_TRUE(run_task(store().list_versions("acme", "hot-dog")).value().empty());
  ASSERT_TRUE(run_task(store().record({p.id, current}, events, sample_time())).has_value());
  EXPECT_EQ(code_of(run_task(store().record({p.id, current}, events, sample_time()))), ErrorCode::conflict);
  EXPECT_EQ(run_task(store().list_versions("acme", "hot-dog")).value().size(), 1u);
}

TEST_P(StoreTrainings, ListVersionsOfOneModelNewestFirst) {
  add_model("hot-dog");
  add_model("cat");
  const auto first = make_version("hot-dog", sample_time() + 2s);
  const auto second = make_version("hot-dog", sample_time() + 2s);
  const auto cat = make_version("cat");
  EXPECT_EQ(run_task(store().list_versions("acme", "hot-dog")).value(), (std::vector{second, first}));
  EXPECT_EQ(run_task(store().list_versions("acme", "cat")).value(), std::vector{cat});
  EXPECT_TRUE(run_task(store().list_versions("acme", "none")).value().empty());
  EXPECT_EQ(run_task(store().find_model("acme", "hot-dog")).value().latest_version, second);
}

TEST_P(StoreTrainings, OutliveNoDataButLeaveTheirVersion) {
  add_model("hot-dog");
  const auto v = make_version("hot-dog");
  ASSERT_EQ(run_task(store().purge(sample_time() + 1h, 10, sample_time() + 1h)).value(), std::vector{v.training});
  const auto purged = find(v.training);
  EXPECT_TRUE(purged.data_removed);
  EXPECT_TRUE(purged.training.has_value());
  EXPECT_EQ(run_task(store().find_version(v.id)).value().version, v);
}

TEST_P(StoreTrainings, KeepTheirDestinationFromBeingDeleted) {
  add_model("hot-dog");
  const auto removal = [&] { return code_of(run_task(store().delete_model("acme", "hot-dog"))); };
  const auto p = add(training());
  EXPECT_EQ(removal(), ErrorCode::conflict) << "a training is to give it a version";
  const auto v = domain::trained_version(finish(p, domain::Succeeded{""})).value();
  EXPECT_EQ(removal(), ErrorCode::conflict) << "it has one";
  ASSERT_EQ(remove(v), VersionUse::none);
  EXPECT_TRUE(run_task(store().delete_model("acme", "hot-dog")).has_value());
}

TEST_P(StoreTrainings, ForgetAVersionThatNothingReliesOn) {
  add_model("hot-dog");
  const auto v = make_version("hot-dog");
  EXPECT_EQ(code_of(remove(v, kOther)), ErrorCode::not_found);
  auto elsewhere = v;
  elsewhere.name = "cat";
  EXPECT_EQ(code_of(remove(elsewhere)), ErrorCode::not_found);
  EXPECT_EQ(remove(v), VersionUse::none);
  EXPECT_EQ(code_of(remove(v)), ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(store().find_version(v.id))), ErrorCode::not_found);
  EXPECT_EQ(run_task(store().find_model("acme", "hot-dog")).value().latest_version, std::nullopt);
}

TEST_P(StoreTrainings, KeepAVersionThatSomethingReliesOn) {
  add_model("open", "public");
  EXPECT_EQ(remove(make_version("open")), VersionUse::public_model);

  add_model("hot-dog");
  const auto deployed = make_version("hot-dog");
  domain::Deployment d{sample_account(), "painter", sample_time(), {}};
  d.release = {1, "acme/hot-dog", deployed.id, "cpu", 0, 1, sample_time()};
  ASSERT_TRUE(run_task(store().create_deployment(d)).has_value());
  EXPECT_EQ(remove(deployed), VersionUse::deployed);
  ASSERT_TRUE(run_task(store().delete_deployment(d.account, d.name)).has_value());
  EXPECT_EQ(remove(deployed), VersionUse::none);

  const auto base = make_version("hot-dog");
  auto further = training();
  further.version = base.id;
  add(further);
  EXPECT_EQ(remove(base), VersionUse::trained_on);
  EXPECT_EQ(run_task(store().list_versions("acme", "hot-dog")).value(), std::vector{base});
}

INSTANTIATE_TEST_SUITE_P(Every, StoreTrainings, testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace hekto::test
