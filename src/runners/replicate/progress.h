// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/prediction.h"
#include "runners/replicate/event_stream.h"
#include "runners/replicate/options.h"
#include "runners/replicate/scrub.h"
#include "runners/replicate/snapshot.h"
#include "runners/replicate/text_pieces.h"

namespace hekto::runners::replicate {

/// What is new about a relayed prediction, in the order in which it is to be delivered.
struct StepStart {
  std::optional<Time> at;
};
struct StepLog {
  std::string text;
};
/// An output item, or the value. Where `files` is not empty, its placeholders (domain::file_placeholder) stand in
/// `json`.
struct StepItem {
  std::size_t index = 0;
  bool list = false;
  std::string json;
  std::vector<std::string> files;  ///< URLs, http, https or data:, of the placeholders in order
};
struct StepSucceeded {
  std::string metrics;
  std::optional<Time> at;
  std::string made;  ///< as domain::Succeeded::made
};
struct StepFailed {
  std::string error;
  std::string metrics;
  std::optional<Time> at;
};
struct StepCanceled {
  std::optional<Time> at;
  bool aborted = false;  ///< before it began
};
using Step = std::variant<StepStart, StepLog, StepItem, StepSucceeded, StepFailed, StepCanceled>;

/// Turns what an upstream shows, whole states and the pieces of an event stream, into what is new. Whatever comes late,
/// twice or goes backwards adds nothing. While it runs, a list is delivered item by item; a value may still change, and
/// is delivered at the end. An item that was delivered never changes.
///
/// Pieces of the stream and texts of the list are one text on two ways: each way is followed from its beginning, and
/// what the other has brought already is passed over. Cut alike, as they should be, they are the same items, and the
/// output is the upstream's. Where the stream is cut otherwise, what goes beyond the text that is there makes an item.
class Progress {
 public:
  /// Goes on from what `delivered` has. Both outlive this.
  Progress(const UpstreamOptions& upstream, const Scrubber& scrubber, const domain::Prediction& delivered);

  std::vector<Step> on_snapshot(const Snapshot& snapshot);
  /// The next pieces of the event stream.
  std::vector<Step> on_pieces(std::vector<StreamPiece> pieces);
  /// Whether on_pieces() may be called: a state has shown that it runs, and one, or `expect_list`, that the output is a
  /// list. An event stream tells neither when it began nor whether a text is the whole output.
  bool takes_pieces() const { return started_ && list_ && !ended_ && !refuses_pieces_; }
  void expect_list() { list_ = true; }
  bool is_list() const { return list_; }
  /// The stream is of no use: the output is no list of texts, or another text than the stream's.
  bool refuses_pieces() const { return refuses_pieces_; }
  bool ended() const { return ended_; }

 private:
  /// How one of the ways fits the items that are delivered.
  enum class Fit {
    same,      ///< cut alike
    cut,       ///< the same text, cut otherwise: it goes by the length
    by_index,  ///< another text, or no texts: items are told by their index
  };
  struct Way {
    PieceCleaner cleaner;
    std::size_t taken = 0;   // raw pieces
    std::size_t pieces = 0;  // those that came out of the cleaner
    std::size_t at = 0;      // bytes of text_ before the next one
    Fit fit = Fit::same;
  };

  void add_logs(const std::string& logs, bool final, std::vector<Step>& steps);
  void add_output(const domain::Value& output, bool final, std::vector<Step>& steps);
  void add_piece(Way& way, std::string piece, std::vector<Step>& steps);
  void add_value(const domain::Value& value, std::vector<Step>& steps);
  void add_text(std::string text, std::string_view plain, std::vector<Step>& steps);
  /// A text with the client's name for a model of its own.
  std::string with_own_name(std::string text, bool final) const;
  /// The output of a training in the client's name for the model that gained a version.
  domain::Value renamed(const domain::Value& output) const;
  StepItem item(std::size_t index, bool list, const domain::Value& value) const;
  bool is_file(const std::string& text) const;
  bool passes_on(const std::string& text) const;
  void append(std::string& out, const domain::Value& value, std::vector<std::string>& files) const;

  const UpstreamOptions& upstream_;
  const Scrubber& scrubber_;
  const std::string destination_;  // of a training; empty: it is none
  const std::string own_;          // a model of ours that another stands for there; empty: there is none
  bool started_;
  bool start_known_;  // the upstream has said when; until then a start is told again with its time
  bool ended_ = false;
  bool list_ = false;
  bool refuses_pieces_ = false;
  std::string logs_;               // of the upstream, as far as they are delivered; cleaned
  std::string text_;               // the delivered texts, with plain line breaks
  std::vector<std::size_t> ends_;  // of each delivered item, in text_
  Way listed_;
  Way streamed_;
};

}  // namespace hekto::runners::replicate
