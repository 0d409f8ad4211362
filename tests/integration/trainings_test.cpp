// SPDX-License-Identifier: Apache-2.0
// Trainings on fakes: their life, recovery in the middle of it, and what can be run after it.
#include "service/models.h"
#include "service/versions.h"
#include "tests/integration/service_fixture.h"
#include "tests/support/results.h"

namespace hekto::test {
namespace {

using domain::Status;

const ports::ProducedFile kWeights{"weights.tar", "application/x-tar", "numbers"};
const FakeRunner::Script kTrainer{{FakeRunner::Log{"1/2\n"}, FakeRunner::File{kWeights}}, false};

class Trainings : public ServiceFixture {
 protected:
  Trainings() {
    auto model = sdxl_model();
    auto& version = model.versions.front();
    version.id = base;
    version.training = domain::Schema();
    catalog.add(std::move(model));
    EXPECT_TRUE(run(models.create(owned("hot-dog"))));
  }
  static domain::OwnedModel owned(const std::string& name, const std::string& visibility = "private") {
    domain::OwnedModel m;
    m.account = "alice";
    m.owner = "alice";
    m.name = name;
    m.visibility = visibility;
    m.hardware = "cpu";
    return m;
  }
  service::CreatePrediction training(const std::string& destination = "alice/hot-dog") {
    service::CreatePrediction create;
    create.offer = run(versions.resolve({.account = "alice"}, base)).value();
    create.input = domain::Value::Object{{"steps", 3}};
    create.destination = destination;
    return create;
  }
  /// A training that ended, as it is then.
  domain::Prediction train(const std::string& destination = "alice/hot-dog") {
    return ended(make(alice, training(destination)).value());
  }
  service::CreatePrediction request_for(domain::Offer offer) {
    service::CreatePrediction create;
    create.offer = std::move(offer);
    create.input = domain::Value::Object{{"prompt", "a hot dog"}};
    return create;
  }
  std::size_t version_count() { return run(store.list_versions("alice", "hot-dog"))->size(); }

  const std::string base = std::string(64, 'b');
  service::Models models{store, clock, catalog};
};

TEST_F(Trainings, AreRunAsTrainingsAndGiveTheirDestinationAVersion) {
  start(kTrainer);
  const auto p = train();
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_EQ(p.version, base);
  EXPECT_EQ(p.stream, domain::StreamKind::none);
  const auto request = runner->requests().front();
  EXPECT_EQ(request.training, (domain::TrainingTarget{"alice/hot-dog", base}));
  EXPECT_EQ(request.version->id, base);

  const auto offer = run(versions.newest({.account = "alice"}, "alice", "hot-dog")).value();
  EXPECT_EQ(offer.version->id, domain::version_made_by(p.id));
  EXPECT_EQ(offer.version->openapi_schema, catalog.find_version(base).second->openapi_schema);
  EXPECT_EQ(offer.base, base);
}

TEST_F(Trainings, AreNotAcceptedForWhatIsNoModelOfTheAccount) {
  start(kTrainer);
  for (const auto* destination : {"alice/none", "bob/hot-dog", "hot-dog", "stability-ai/sdxl"}) {
    EXPECT_EQ(code_of(make(alice, training(destination))), ErrorCode::not_found) << destination;
  }
  EXPECT_TRUE(runner->requests().empty());
}

TEST_F(Trainings, MakeVersionsThatRunUnderTheNameOfTheirModel) {
  start(kTrainer);
  const auto id = domain::version_made_by(train().id);
  for (const auto& name : {id, "alice/hot-dog:" + id, std::string("alice/hot-dog")}) {
    auto offer = run(versions.resolve({.account = "alice"}, name));
    ASSERT_TRUE(offer) << name;
    const auto p = ended(make(alice, request_for(std::move(*offer))).value());
    EXPECT_EQ(p.status, Status::succeeded);
    EXPECT_EQ(p.model, "alice/hot-dog");
    EXPECT_EQ(p.version, id);
    const auto request = runner->requests().back();
    EXPECT_FALSE(request.training);
  }
  EXPECT_EQ(code_of(run(versions.resolve({.account = "alice"}, "alice/other:" + id))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(versions.resolve({.account = "alice"}, "stability-ai/sdxl:" + id))), ErrorCode::not_found);
}

TEST_F(Trainings, OfAPrivateModelCannotBeSeenByOthers) {
  ASSERT_TRUE(run(models.create(owned("open", "public"))));
  start(kTrainer);
  const auto hidden = domain::version_made_by(train().id);
  const auto open = domain::version_made_by(train("alice/open").id);
  EXPECT_EQ(code_of(run(versions.resolve({.account = "bob"}, hidden))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(versions.resolve({.account = "bob"}, "alice/hot-dog"))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(versions.resolve({.account = "bob"}, "alice/hot-dog:" + hidden))), ErrorCode::not_found);
  EXPECT_TRUE(run(versions.resolve({.account = "bob"}, open)));
  EXPECT_TRUE(run(versions.resolve({.account = "bob"}, "alice/open")));
}

TEST_F(Trainings, ReadTheStoreForWhatTheyMadeOnly) {
  start(kTrainer);
  train();
  const auto reads = [&] { return store.plan().calls("find_version") + store.plan().calls("find_model"); };
  const auto before = reads();
  for (const auto& name : {base, std::string("stability-ai/sdxl"), "stability-ai/sdxl:" + base}) {
    EXPECT_TRUE(run(versions.resolve({.account = "alice"}, name)));
  }
  EXPECT_FALSE(run(versions.resolve({.account = "alice"}, "latest")));
  EXPECT_EQ(reads(), before);
}

TEST_F(Trainings, InterruptedByACrashGoOnAndMakeOneVersion) {
  FakeRunner::Script halfway{{FakeRunner::File{kWeights}, FakeRunner::Hold{}}, false};
  start(halfway);
  const auto created = make(alice, training()).value();
  async::StopToken tick;
  while (run(store.find_prediction(created->value.id))->output.empty())
    run(tick.sleep_for(std::chrono::milliseconds(1)));
  EXPECT_EQ(version_count(), 0u);
  // What the process knew is gone; what was committed is there.
  dispatcher->stop_blocking(Duration{});
  recent.erase(created->value.id);
  start(kTrainer);
  EXPECT_EQ(run(predictions->recover()), 1u);
  const auto p = ended(created);
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_EQ(p.attempts, 2);
  EXPECT_EQ(p.output.items.size(), 1u);
  EXPECT_EQ(version_count(), 1u);
  EXPECT_EQ(run(predictions->recover()), 0u);
}

TEST_F(Trainings, WhoseVersionCannotBeReadForAMomentAreTriedAgain) {
  start(kTrainer);
  auto offer = run(versions.resolve({.account = "alice"}, domain::version_made_by(train().id))).value();
  store.plan().fail("find_version", 1, {ErrorCode::unavailable, "busy"});
  const auto p = ended(make(alice, request_for(std::move(offer))).value());
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_EQ(p.attempts, 2);
}

TEST_F(Trainings, CanceledMakeNoVersion) {
  start({{FakeRunner::Hold{}}});
  const auto created = make(alice, training()).value();
  await_runs(1);
  EXPECT_EQ(run(predictions->cancel("alice", created->value.id)).value()->value.status, Status::canceled);
  EXPECT_EQ(version_count(), 0u);
}

TEST_F(Trainings, StartFromWhatWasTrainedBefore) {
  start(kTrainer);
  const auto first = domain::version_made_by(train().id);
  auto further = training();
  further.offer = run(versions.resolve({.account = "alice"}, first)).value();
  const auto p = ended(make(alice, std::move(further)).value());
  EXPECT_EQ(p.version, first);
  EXPECT_EQ(run(versions.resolve({.account = "alice"}, domain::version_made_by(p.id)))->base, base);
  EXPECT_EQ(run(models.remove_version("alice", "alice", "hot-dog", first)), domain::VersionUse::trained_on);
}

TEST_F(Trainings, OfModelsThatTheCatalogHasNoMoreLeaveVersionsThatNobodyIsOffered) {
  start(kTrainer);
  const auto id = domain::version_made_by(train().id);
  auto offer = run(versions.resolve({.account = "alice"}, id)).value();
  auto other = sdxl_model();
  other.versions.front().id = std::string(64, 'c');
  dispatcher->stop_blocking(Duration{});
  catalog.add(std::move(other));
  start(kTrainer);
  EXPECT_EQ(code_of(run(versions.resolve({.account = "alice"}, id))), ErrorCode::not_found);
  EXPECT_TRUE(run(models.versions(*run(store.find_model("alice", "hot-dog"))))->empty());
  // Accepted before the restart, so to say.
  const std::string known = offer.model->full_name();
  domain::Prediction p;
  p.id = new_id(clock.now());
  p.model = known;
  p.version = id;
  p.input = "{}";
  p.account = "alice";
  ASSERT_TRUE(run(store.create_prediction(p)));
  run(predictions->recover());
  EXPECT_EQ(ended(std::make_shared<const service::Snapshot>(p)).status, Status::failed);
}

TEST_F(Trainings, KeepTheirModelFromBeingDeletedUntilTheVersionIs) {
  start(kTrainer);
  const auto id = domain::version_made_by(train().id);
  EXPECT_EQ(code_of(run(models.remove("alice", "alice", "hot-dog"))), ErrorCode::conflict);
  EXPECT_EQ(code_of(run(models.remove_version("bob", "alice", "hot-dog", id))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(models.remove_version("alice", "stability-ai", "sdxl", base))), ErrorCode::forbidden);
  EXPECT_EQ(run(models.remove_version("alice", "alice", "hot-dog", id)), domain::VersionUse::none);
  EXPECT_EQ(code_of(run(versions.resolve({.account = "alice"}, id))), ErrorCode::not_found);
  EXPECT_TRUE(run(models.remove("alice", "alice", "hot-dog")));
}

}  // namespace
}  // namespace hekto::test
