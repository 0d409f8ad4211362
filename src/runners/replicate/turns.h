// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async/completion.h"
#include "base/error.h"

namespace hekto::runners::replicate {

class Place;
using PlacePtr = std::shared_ptr<Place>;

/// Work that waits for a place. Its lane says which accounts would take it: what is free for one in a lane is free for
/// all in it.
struct Waiter {
  std::string key_id;
  std::size_t lane = 0;
  async::Completer<Result<PlacePtr>> done;  ///< empty once somebody is to call it
  std::uint64_t number = 0;                 ///< set by Turns
};
using WaiterPtr = std::shared_ptr<Waiter>;

/// Who is next. Keys take turns, so that no key's work waits for all of another's. The work of one key goes in the
/// order in which it came, except that what no account can take now holds up nothing that one can. One thread at a
/// time.
class Turns {
 public:
  void add(WaiterPtr waiter);
  /// Nothing happens when it is not there.
  void remove(const Waiter& waiter);
  std::size_t size() const { return size_; }
  /// Keys and how much of their work waits, the next one first.
  std::vector<std::pair<std::string, std::size_t>> by_key() const;

  struct Grant {
    WaiterPtr waiter;
    PlacePtr place;
  };
  /// Gives away what `take` has for the lanes, until it has nothing (nullptr) for any in which somebody waits. Each
  /// lane in vain is asked once, however many wait.
  std::vector<Grant> give(const std::function<PlacePtr(std::size_t lane)>& take);

 private:
  using Line = std::map<std::uint64_t, WaiterPtr>;  // by number: the oldest first
  struct Key {
    std::string id;
    std::map<std::size_t, Line> lines;  // by lane; none is empty
    std::size_t size = 0;
  };
  using Keys = std::list<Key>;
  void erase(Keys::iterator key, std::map<std::size_t, Line>::iterator line, Line::iterator waiter);

  Keys turns_;  // the next one first
  std::unordered_map<std::string, Keys::iterator> keys_;
  std::map<std::size_t, std::size_t> lanes_;  // those in which somebody waits, and how many
  std::size_t size_ = 0;
  std::uint64_t last_number_ = 0;
};

}  // namespace hekto::runners::replicate
