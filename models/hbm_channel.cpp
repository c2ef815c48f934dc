// One pseudo-channel: which command goes out when. Every clock that is kept here is the first one in which a
// command would be allowed; an activate is kept by its last clock, in which it counts.
#include "models/hbm_channel.hpp"

#include <algorithm>

namespace anzan::models {
namespace {

int lowest_bit(std::uint64_t mask) { return __builtin_ctzll(mask); }

void raise(std::int64_t& clock, std::int64_t least) { clock = std::max(clock, least); }

}  // namespace

HbmChannel::HbmChannel(const HbmParameters& parameters)
    : p_(parameters),
      pass_limit_(parameters.scheduling == HbmScheduling::kInOrder ? 0 : parameters.pass_limit),
      write_to_read_(parameters.t_cwl + parameters.burst_clocks()) {
  reset();
}

void HbmChannel::reset() {
  slots_.assign(static_cast<std::size_t>(p_.queue_depth), Slot{});
  for (int k = 0; k + 1 < p_.queue_depth; ++k) slots_[k].next = static_cast<std::int16_t>(k + 1);
  free_ = 0;
  arriving_first_ = arriving_last_ = oldest_ = youngest_ = kNone;
  banks_.assign(static_cast<std::size_t>(p_.banks()), Bank{});
  groups_.assign(static_cast<std::size_t>(p_.bank_groups), Group{});
  queued_ = passed_ = next_activate_ = 0;
  hit_banks_ = row_banks_ = 0;
  sequence_ = now_ = activate_ready_ = row_bus_free_ = 0;
  column_ready_[0] = column_ready_[1] = 0;
  activates_.fill(-p_.t_faw);
  refresh_due_ = p_.t_refi;
  column_plan_ = row_plan_ = Plan{};
  counters_ = HbmCounters{};
  departures_.clear();
}

void HbmChannel::push(const HbmAccess& access) {
  const int index = free_;
  Slot& slot = slots_[index];
  free_ = slot.next;
  slot.access = access;
  slot.sequence = sequence_++;
  slot.done = 0;
  slot.next = kNone;
  slot.activated = false;
  (arriving_last_ == kNone ? arriving_first_ : slots_[arriving_last_].next) =
      static_cast<std::int16_t>(index);
  arriving_last_ = static_cast<std::int16_t>(index);
  ++queued_;
}

void HbmChannel::run(std::int64_t limit) {
  while (step(limit)) {
  }
  raise(now_, limit);
}

void HbmChannel::run_until_departure() {
  const std::size_t before = departures_.size();
  while (departures_.size() == before) step(kNever);
}

bool HbmChannel::step(std::int64_t limit) {
  if (!column_plan_.valid) plan_column();
  if (!row_plan_.valid) plan_row();
  const std::int64_t command = std::min(column_plan_.clock, row_plan_.clock);
  const std::int64_t next = std::min(command, refresh_due_);
  if (arriving_first_ != kNone && slots_[arriving_first_].access.arrival_clock <= next) {
    if (slots_[arriving_first_].access.arrival_clock >= limit) return false;
    arrive();
  } else if (next >= limit) {
    return false;
  } else if (refresh_due_ <= command) {
    refresh();
  } else if (column_plan_.clock <= row_plan_.clock) {
    give_column();
  } else {
    give_row();
  }
  return true;
}

void HbmChannel::arrive() {
  const std::int16_t index = arriving_first_;
  Slot& slot = slots_[index];
  arriving_first_ = slot.next;
  if (arriving_first_ == kNone) arriving_last_ = kNone;
  raise(now_, slot.access.arrival_clock);

  Bank& bank = banks_[slot.access.bank];
  slot.next = kNone;
  slot.previous = bank.last;
  (bank.last == kNone ? bank.first : slots_[bank.last].next) = index;
  bank.last = index;
  slot.younger = kNone;
  slot.older = youngest_;
  (youngest_ == kNone ? oldest_ : slots_[youngest_].younger) = index;
  youngest_ = index;
  // A bank that has a hit already goes on with it.
  if (bank.hit == kNone) update_bank(slot.access.bank);
}

// The oldest request of the open row; where the oldest request of the bank must not be passed, only that one.
std::int16_t HbmChannel::find_hit(int number) const {
  const Bank& bank = banks_[number];
  std::int16_t slot = bank.first;
  if (bank.open_row == kNone || slot == kNone) return kNone;
  if (pass_limit_ == 0 || (slot == oldest_ && capped())) {
    return slots_[slot].access.row == bank.open_row ? slot : kNone;
  }
  while (slot != kNone && slots_[slot].access.row != bank.open_row) slot = slots_[slot].next;
  return slot;
}

// Finds out anew what the bank waits for.
void HbmChannel::update_bank(int number) {
  Bank& bank = banks_[number];
  const std::uint64_t bit = std::uint64_t{1} << number;
  const bool planned = row_plan_.bank == number;
  bank.hit = find_hit(number);
  if (bank.hit != kNone) {
    bank.hit_kind = slots_[bank.hit].access.write ? 1 : 0;
    bank.hit_sequence = slots_[bank.hit].sequence;
  }
  hit_banks_ &= ~bit;
  row_banks_ &= ~bit;
  if (bank.hit != kNone) {
    hit_banks_ |= bit;
    if (planned) row_plan_ = Plan{};
    consider_column(number);
  } else if (bank.first != kNone) {
    row_banks_ |= bit;
    consider_row(number);
  }
}

// Clock and age in one number, so that the search for the least one need not branch. Of two requests in the
// channel the later one is at most queue_depth · (pass_limit + 1) younger, which check() keeps below 2^23;
// clocks have 2^40.
constexpr int kAgeBits = 23;

void HbmChannel::plan_column() {
  column_plan_ = Plan{};
  column_plan_.valid = true;
  if (hit_banks_ == 0) return;
  if (capped()) {
    const int number = slots_[oldest_].access.bank;
    if (banks_[number].hit == oldest_) consider_column(number);
    return;
  }
  // Mostly one of the oldest requests can have the first clock that anything could have.
  const std::int64_t first_clock = std::max(now_, std::min(column_ready_[0], column_ready_[1]));
  int looks = 4;
  for (int slot = oldest_; slot != kNone && looks > 0; slot = slots_[slot].younger, --looks) {
    const int number = slots_[slot].access.bank;
    if (banks_[number].hit != slot || column_clock(number) != first_clock) continue;
    column_plan_ = {first_clock, slots_[slot].sequence, number, true};
    return;
  }
  const std::int64_t oldest = slots_[oldest_].sequence;
  std::int64_t least = kNever;
  for (std::uint64_t rest = hit_banks_; rest != 0; rest &= rest - 1) {
    const int number = lowest_bit(rest);
    const std::int64_t key = (column_clock(number) << kAgeBits) + (banks_[number].hit_sequence - oldest);
    column_plan_.bank = key < least ? number : column_plan_.bank;
    least = std::min(key, least);
  }
  column_plan_.clock = least >> kAgeBits;
  column_plan_.sequence = banks_[column_plan_.bank].hit_sequence;
}

void HbmChannel::plan_row() {
  row_plan_ = Plan{};
  row_plan_.valid = true;
  for (std::uint64_t rest = row_banks_; rest != 0; rest &= rest - 1) consider_row(lowest_bit(rest));
}

std::int64_t HbmChannel::column_clock(int number) const {
  const Bank& bank = banks_[number];
  const int kind = bank.hit_kind;
  return std::max(std::max(now_, column_ready_[kind]),
                  std::max(bank.column_ready[kind], group_of(number).column_ready[kind]));
}

std::int64_t HbmChannel::row_clock(int number) const {
  const Bank& bank = banks_[number];
  std::int64_t clock = bank.precharge_ready;
  if (bank.open_row == kNone) {
    clock = std::max(std::max(bank.activate_ready, group_of(number).activate_ready),
                     std::max(activate_ready_, activates_[next_activate_] + p_.t_faw)) -
            (p_.activate_clocks - 1);
  }
  return std::max(clock, std::max(now_, row_bus_free_));
}

// Whether the bank's command comes before the planned one.
void HbmChannel::consider_column(int number) {
  const Bank& bank = banks_[number];
  if (!column_plan_.valid || (capped() && bank.hit != oldest_)) return;
  const std::int64_t clock = column_clock(number);
  if (clock > column_plan_.clock) return;
  if (clock == column_plan_.clock && bank.hit_sequence > column_plan_.sequence) return;
  column_plan_ = {clock, bank.hit_sequence, number, true};
}

void HbmChannel::consider_row(int number) {
  if (!row_plan_.valid) return;
  const std::int64_t clock = row_clock(number);
  if (clock > row_plan_.clock) return;
  const std::int64_t sequence = slots_[banks_[number].first].sequence;
  if (clock == row_plan_.clock && sequence > row_plan_.sequence) return;
  row_plan_ = {clock, sequence, number, true};
}

void HbmChannel::give_column() {
  const std::int64_t clock = now_ = column_plan_.clock;
  const int number = column_plan_.bank;
  Bank& bank = banks_[number];
  Group& group = group_of(number);
  const int index = bank.hit;
  Slot& slot = slots_[index];
  column_plan_.valid = false;

  if (slot.access.write) {
    raise(bank.precharge_ready, clock + write_to_read_ + p_.t_wr);
    raise(column_ready_[1], clock + p_.t_ccd_s);
    raise(group.column_ready[1], clock + p_.t_ccd_l);
    raise(column_ready_[0], clock + write_to_read_ + p_.t_wtr_s);
    raise(group.column_ready[0], clock + write_to_read_ + p_.t_wtr_l);
    counters_.written_bytes += p_.burst_bytes;
  } else {
    raise(bank.precharge_ready, clock + p_.t_rtp);
    raise(column_ready_[0], clock + p_.t_ccd_s);
    raise(group.column_ready[0], clock + p_.t_ccd_l);
    raise(column_ready_[1], clock + p_.t_rtw);
    counters_.read_bytes += p_.burst_bytes;
  }
  counters_.data_bus_busy_clocks += p_.burst_clocks();
  log({slot.access.write ? HbmCommand::Kind::kWrite : HbmCommand::Kind::kRead, clock, number, slot.access.row,
       slot.access.column + slot.done, slot.access.id});

  if (index != oldest_ && pass_limit_ != 0 && ++passed_ == pass_limit_) {
    // From here on the oldest one goes first, and no hit keeps its bank from it.
    update_bank(slots_[oldest_].access.bank);
  }
  if (++slot.done == slot.access.bursts) depart(index);
}

void HbmChannel::depart(int index) {
  Slot& slot = slots_[index];
  const int number = slot.access.bank;
  Bank& bank = banks_[number];
  (slot.previous == kNone ? bank.first : slots_[slot.previous].next) = slot.next;
  (slot.next == kNone ? bank.last : slots_[slot.next].previous) = slot.previous;
  if (index == oldest_) passed_ = 0;
  (slot.older == kNone ? oldest_ : slots_[slot.older].younger) = slot.younger;
  (slot.younger == kNone ? youngest_ : slots_[slot.younger].older) = slot.older;
  update_bank(number);

  departures_.push_back({slot.access.id, now_, slot.access.write});
  ++(slot.access.write ? counters_.write_requests : counters_.read_requests);
  counters_.row_hits += slot.activated ? 0 : 1;
  slot.next = free_;
  free_ = static_cast<std::int16_t>(index);
  --queued_;
}

void HbmChannel::give_row() {
  now_ = row_plan_.clock;
  const int number = row_plan_.bank;
  row_plan_ = Plan{};
  if (banks_[number].open_row == kNone) {
    activate(number);
  } else {
    precharge(number);
  }
  update_bank(number);
}

void HbmChannel::activate(int number) {
  Bank& bank = banks_[number];
  const std::int64_t clock = now_ + p_.activate_clocks - 1;
  Slot& slot = slots_[bank.first];
  slot.activated = true;
  bank.open_row = slot.access.row;
  bank.column_ready[0] = clock + p_.t_rcd_read;
  bank.column_ready[1] = clock + p_.t_rcd_write;
  bank.precharge_ready = clock + p_.t_ras;
  bank.activate_ready = clock + p_.t_rc;
  group_of(number).activate_ready = clock + p_.t_rrd_l;
  activate_ready_ = clock + p_.t_rrd_s;
  activates_[next_activate_] = clock;
  next_activate_ = (next_activate_ + 1) % 4;
  row_bus_free_ = clock + 1;
  ++counters_.activations;
  log({HbmCommand::Kind::kActivate, now_, number, bank.open_row});
}

void HbmChannel::precharge(int number) {
  Bank& bank = banks_[number];
  bank.open_row = kNone;
  raise(bank.activate_ready, now_ + p_.t_rp);
  row_bus_free_ = now_ + 1;
  log({HbmCommand::Kind::kPrecharge, now_, number});
}

// Closes all rows, refreshes all banks. Depends on no request, so it may be carried through at once.
void HbmChannel::refresh() {
  std::int64_t close = std::max(refresh_due_, row_bus_free_);
  bool open = false;
  for (const Bank& bank : banks_) {
    if (bank.open_row == kNone) continue;
    open = true;
    raise(close, bank.precharge_ready);
  }
  std::int64_t clock = open ? close + 1 : close;
  for (Bank& bank : banks_) {
    if (bank.open_row != kNone) raise(bank.activate_ready, close + p_.t_rp);
    bank.open_row = bank.hit = kNone;
    raise(clock, bank.activate_ready);
  }
  for (Bank& bank : banks_) raise(bank.activate_ready, clock + p_.t_rfc);
  if (open) log({HbmCommand::Kind::kPrechargeAll, close});
  log({HbmCommand::Kind::kRefresh, clock});
  row_bus_free_ = clock + 1;
  row_banks_ |= hit_banks_;
  hit_banks_ = 0;
  column_plan_ = row_plan_ = Plan{};
  refresh_due_ += p_.t_refi;
  ++counters_.refreshes;
}

}  // namespace anzan::models
