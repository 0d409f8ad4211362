// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "domain/collection.h"
#include "domain/prediction.h"
#include "domain/schema.h"
#include "domain/value.h"

namespace hekto::domain {

enum class OutputKind {
  file,         ///< one file: a URL
  file_list,    ///< a list of files, possibly growing
  text,         ///< one string
  text_stream,  ///< a list of strings that are read joined (x-cog-array-display: concatenate)
  list,         ///< any other list
  value,        ///< any other value
};

/// One version of a model: what an input must look like, and what comes out.
struct Version {
  std::string id;  ///< 64 lower-case hex characters
  Time created_at{};
  std::string cog_version;         ///< PEP 440, at least 0.3.9
  Value openapi_schema;            ///< the whole OpenAPI document, as the API shows it
  Schema input;                    ///< components.schemas.Input, compiled
  std::optional<Schema> training;  ///< components.schemas.TrainingInput, compiled; nullopt: it cannot be trained
  OutputKind output = OutputKind::value;
};

/// What the files are that a model gives. A schema says no more than that they are files.
enum class Media : std::uint8_t {
  image,
  cutout,  ///< an image whose background is gone
  speech,
  music,
  video,
};

/// How the sandbox stands in for the model. Read from the `sandbox` section of a catalog file.
struct SandboxProfile {
  double seconds = 1;        ///< run time at speed 1, with the default input
  double setup_seconds = 0;  ///< time in `starting`, at speed 1
  std::string steps_input;   ///< input that says how many steps the progress bar has; empty: `steps` fixed
  int steps = 10;
  double tokens_per_second = 40;  ///< text models
  double training_seconds = 20;   ///< time of a training at speed 1
  std::optional<Media> output;    ///< of models that give files; absent: see output_media.h
  int numbers = 2;                ///< how many numbers a list of numbers holds where the schema does not say
};

struct Model {
  std::string owner;
  std::string name;
  std::string description;
  std::string visibility = "public";
  std::optional<std::string> github_url, paper_url, license_url, cover_image_url;
  bool official = false;
  std::int64_t run_count = 0;
  Time created_at{};
  std::vector<Version> versions;  ///< newest first, never empty
  SandboxProfile sandbox;
  std::string origin;                 ///< file that it was read from; a mere name for those in the program itself
  std::optional<std::string> readme;  ///< Markdown
  std::vector<std::string> tags;      ///< what search finds it by, beside its name and description
  std::vector<Prediction> examples;   ///< finished predictions for people to look at, the best first

  std::string full_name() const { return owner.empty() ? name : owner + "/" + name; }
  const Version& latest() const { return versions.front(); }
};

/// A version that can be run, with its model. Both live as long as a copy of this does.
struct Offer {
  std::shared_ptr<const Model> model;  ///< nullptr: nothing is offered
  const Version* version = nullptr;    ///< one of the model's
  std::string_view base;               ///< id of the catalog's version that this one is, or is like
  bool relayed = false;  ///< it runs at an upstream; the version then says no more than is known of it here
  std::string at = {};   ///< relayed, and only there: "upstream/account" that a trained version lies with
  explicit operator bool() const { return version != nullptr; }
};

/// The models this server offers. Built once, then only read: share it as shared_ptr<const Catalog>.
class Catalog {
 public:
  /// A model with the same owner/name replaces the earlier one.
  void add(Model model);
  const Model* find(std::string_view owner, std::string_view name) const;
  /// The model and version behind a 64-hex id; {nullptr, nullptr} when unknown.
  std::pair<const Model*, const Version*> find_version(std::string_view id) const;
  /// What find and find_version lead to, without a count of references: the catalog outlives every offer. `version`
  /// nullptr: the newest. Empty when there is no model.
  static Offer offer(const Model* model, const Version* version);
  /// A collection of the same slug replaces the earlier one.
  void add(Collection collection);
  const Collection* find_collection(std::string_view slug) const;
  /// In the order in which they were added.
  const std::vector<Collection>& collections() const { return collections_; }
  /// Ordered by owner/name.
  const std::map<std::string, Model, std::less<>>& models() const { return models_; }

 private:
  std::map<std::string, Model, std::less<>> models_;  // by owner/name
  std::vector<Collection> collections_;
};

}  // namespace hekto::domain
