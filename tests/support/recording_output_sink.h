// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/recording_file.h"

namespace hekto::test {

/// Remembers what came of the output of a relayed run, in order and in words: "arriving 0 out.png", "stored 0 out.png",
/// "json 1 \"text\"". Used on one thread; the list may be read from any.
class RecordingOutputSink final : public ports::RelaySink {
 public:
  async::Task<Result<void>> started() override { return note("started"); }
  async::Task<Result<void>> log(std::string text) override { return note("log " + text); }
  async::Task<Result<void>> output_json(std::size_t index, bool, std::string json) override {
    return note("json " + std::to_string(index) + " " + json);
  }
  async::Task<Result<void>> output_file(std::size_t index, bool, ports::ProducedFile file) override {
    return note("file " + std::to_string(index) + " " + file.name);
  }
  async::Task<Result<void>> submitting(domain::Submitting) override { return note("submitting"); }
  async::Task<Result<void>> submitted(domain::Submitted) override { return note("submitted"); }
  async::Task<Result<void>> dropped(std::string) override { return note("dropped"); }
  async::Task<Result<void>> started_at(std::optional<Time>) override { return note("started"); }
  void waiting() override {}
  std::shared_ptr<ports::ArrivingFile> receive() override {
    files.push_back(std::make_shared<RecordingFile>());
    return files.back();
  }
  async::Task<Result<void>> output_arriving(std::size_t index, bool, std::string,
                                            std::vector<ports::Arriving> of) override {
    std::string line = "arriving " + std::to_string(index);
    for (const auto& file : of) line += " " + file.name;
    return note(std::move(line));
  }
  async::Task<Result<void>> output_stored(std::size_t index, bool, std::string,
                                          std::vector<domain::OutputFile> of) override {
    std::string line = "stored " + std::to_string(index);
    for (const auto& file : of) line += " " + file.name;
    stored.insert(stored.end(), of.begin(), of.end());
    return note(std::move(line));
  }

  std::vector<std::string> lines() const {
    std::scoped_lock lock(mutex_);
    return lines_;
  }
  /// From now on calls are refused, as those of a prediction that has ended.
  void refuse() {
    std::scoped_lock lock(mutex_);
    refuses_ = true;
  }
  std::vector<std::shared_ptr<RecordingFile>> files;  ///< as receive() gave them
  std::vector<domain::OutputFile> stored;

 private:
  async::Task<Result<void>> note(std::string line) {
    std::scoped_lock lock(mutex_);
    if (refuses_) co_return fail(ErrorCode::canceled, "the prediction ended meanwhile");
    lines_.push_back(std::move(line));
    co_return Result<void>{};
  }
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;  // guarded by mutex_
  bool refuses_ = false;            // guarded by mutex_
};

}  // namespace hekto::test
