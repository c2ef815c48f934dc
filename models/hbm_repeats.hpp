// What channels have done before. A memory works in a way that depends on its state and on the requests that
// come, and neither on the time nor on which channels, bank groups, banks and rows they are about. So where a
// walk goes on in a state like one that it has been in, with requests like those that came then, what
// followed then follows again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "models/program_timing.hpp"

namespace anzan::models {

// Channels, the bank groups of each, the banks of each group and the rows of each bank, numbered in the order
// in which they first appear.
class HbmNames {
 public:
  HbmNames(std::size_t channels, std::size_t groups, std::size_t banks);  // of each channel
  void clear();

  // The numbers of a bank, its group and its channel, as one; new ones where it appears first.
  std::int32_t bank(std::size_t channel, std::size_t bank);
  std::int32_t row(std::size_t channel, std::size_t bank, std::int32_t row);
  std::int32_t find_row(std::size_t channel, std::size_t bank, std::int32_t row) const;  // -1: none

  // The channels and groups that have not appeared come last.
  void name_channels();
  void name_groups(std::size_t channel);

  // What has a number.
  std::size_t channel_at(std::size_t number) const { return order_[number]; }
  std::size_t channel_number(std::size_t channel) const { return channels_[channel].number; }
  const std::vector<std::size_t>& groups(std::size_t channel) const { return channels_[channel].order; }
  const std::vector<std::size_t>& banks(std::size_t channel, std::size_t group) const {
    return channels_[channel].groups[group].order;
  }
  std::size_t bank_at(std::int32_t number) const;  // among those of its channel
  std::int32_t row_at(std::size_t channel, std::size_t bank, std::int32_t number) const {
    return banks_[channel * banks_a_channel_ + bank].rows[static_cast<std::size_t>(number)];
  }

 private:
  static constexpr std::size_t kMost = 64;  // groups of a channel, banks of a group
  struct Bank {
    std::int32_t number = -1;
    std::vector<std::int32_t> rows;
  };
  struct Group {
    std::size_t number = 0;
    std::vector<std::size_t> order;  // banks
  };
  struct Channel {
    std::size_t number = 0;
    std::vector<std::size_t> order;  // groups
    std::vector<Group> groups;
  };
  static std::size_t number_in(std::vector<std::size_t>& order, std::size_t what);  // new or not

  std::size_t banks_a_channel_;
  std::vector<std::size_t> order_;  // channels
  std::vector<Channel> channels_;
  std::vector<Bank> banks_;  // of all channels
};

// From where a state counts: a cycle of the core, a clock of the memory, and a request.
struct HbmOrigin {
  std::int64_t cycle = 0, clock = 0, id = 0;
};

// A state as numbers, which are written and read in one order: cycles, clocks and ids from an origin on, rows
// as they are numbered, and no bank of which no row is.
class HbmState {
 public:
  // Written to `numbers`, which becomes empty.
  HbmState(HbmNames& n, const HbmOrigin& from, std::vector<std::int32_t>& numbers)
      : names(n), origin(from), written_(&numbers), read_(numbers.data()) {
    numbers.clear();
  }
  // Read from them.
  HbmState(HbmNames& n, const HbmOrigin& from, const std::int32_t* numbers)
      : names(n), origin(from), read_(numbers) {}

  void put(std::int64_t value) {
    fits_ = fits_ && value == static_cast<std::int32_t>(value);
    written_->push_back(static_cast<std::int32_t>(value));
  }
  void put_cycle(std::int64_t cycle) { put(cycle - origin.cycle); }
  void put_clock(std::int64_t clock) { put(clock - origin.clock); }
  void put_id(std::int64_t id) { put(id - origin.id); }
  std::int64_t take() { return *read_++; }
  std::int64_t take_cycle() { return origin.cycle + take(); }
  std::int64_t take_clock() { return origin.clock + take(); }
  std::int64_t take_id() { return origin.id + take(); }
  bool fits() const { return fits_; }  // a state that does not is not to be kept

  HbmNames& names;
  const HbmOrigin origin;

 private:
  std::vector<std::int32_t>* written_ = nullptr;
  const std::int32_t* read_;
  bool fits_ = true;
};

// By what came before, and by the requests: what came after.
class HbmRepeats {
 public:
  struct After {
    struct Channel {
      std::int64_t clocks = 0;  // up to which it has worked, from the origin on
      HbmCounters counters;     // how much they have grown
    };
    std::vector<std::int32_t> state;
    std::vector<Channel> channels;  // by the numbers of their names
  };
  const After* find(const std::vector<std::int32_t>& before) const;  // null: not seen yet
  void add(std::vector<std::int32_t> before, After after);

 private:
  static constexpr std::size_t kMostNumbers = std::size_t{1} << 24;  // then it begins anew

  struct Hash {
    std::size_t operator()(const std::vector<std::int32_t>& numbers) const {
      return std::hash<std::string_view>()(
          {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(std::int32_t)});
    }
  };
  std::unordered_map<std::vector<std::int32_t>, After, Hash> seen_;
  std::size_t numbers_ = 0;
};

}  // namespace anzan::models
