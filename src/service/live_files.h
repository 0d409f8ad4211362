// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/bell.h"
#include "ports/file_store.h"
#include "ports/relay.h"

namespace hekto::service {

/// An output file on its way from an upstream: filled by the relay, read by whoever has its link. Any thread, but for
/// what the port says of the side that fills it.
class LiveFile final : public ports::ArrivingFile {
 public:
  /// `files` outlives this; `owner` is the prediction.
  LiveFile(ports::FileStore& files, std::string owner) : files_(files), owner_(std::move(owner)) {}

  async::Task<Result<void>> begin() override;
  void describe(std::string content_type, std::optional<std::uint64_t> length) override;
  Result<void> append(std::string_view bytes) override;
  std::uint64_t size() const override;
  void broke() override;
  async::Task<Result<ports::FileKey>> finish() override;

  enum class Stage : std::uint8_t {
    awaited,  ///< nothing is known of the content yet, or no more: it begins anew
    coming,   ///< content grows
    whole,    ///< content has all
    gone,     ///< it will not become whole
  };
  struct State {
    Stage stage = Stage::awaited;
    std::size_t attempt = 0;                     ///< counts how often it began
    std::shared_ptr<ports::StoredFile> content;  ///< set while coming or whole
    std::string content_type;                    ///< likewise
    std::optional<std::uint64_t> length;         ///< as announced, likewise
  };
  State state() const;
  /// It will not become whole, unless it is already.
  void give_up();

  /// While it lives, `bell` rings whenever there is more to see.
  class Watch {
   public:
    Watch(std::shared_ptr<LiveFile> file, std::shared_ptr<async::Bell> bell);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    const std::shared_ptr<LiveFile> file_;
    const std::shared_ptr<async::Bell> bell_;
  };

 private:
  void ring();

  ports::FileStore& files_;
  const std::string owner_;
  std::shared_ptr<ports::IncomingFile> incoming_;  // of the side that fills it
  mutable std::mutex mutex_;
  State state_;                                      // guarded by mutex_
  std::vector<std::shared_ptr<async::Bell>> bells_;  // guarded by mutex_
};

/// The files on their way that readers have been shown links of, by prediction and index into its files. Any thread.
class LiveFiles {
 public:
  struct Shown {
    std::string name;  ///< the last segment of its link
    std::shared_ptr<LiveFile> file;
  };
  void show(const std::string& prediction_id, std::size_t index, Shown shown);
  /// Readers that have it already go on.
  void remove(const std::string& prediction_id, std::size_t index);
  /// nullopt when there is none.
  std::optional<Shown> find(const std::string& prediction_id, std::size_t index) const;
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::size_t>, Shown> shown_;  // guarded by mutex_
};

}  // namespace hekto::service
