// A clock cycle: rows arrive, every core takes its cycle, rows leave.
#include "sim/engines/rtl_engine.hpp"

#include <bitset>
#include <stdexcept>
#include <utility>

namespace anzan::sim {

using models::clocked::Messages;

RtlEngine::RtlEngine(const models::clocked::CoreParameters& parameters, const SystemOptions& options,
                     int slots, const MakeCore& make)
    : lanes_(parameters.lanes),
      slots_(slots),
      cores_(static_cast<std::size_t>(options.cores())),
      messages_(parameters.clock_period_fs, models::build_chips(options.network), options.packet,
                {options.parameters.sizes(), options.cores()}),
      clock_(parameters.clock_period_fs) {
  for (std::size_t c = 0; c < cores_.size(); ++c) {
    cores_[c].rtl = make(parameters);
    cores_[c].rtl->set_number(static_cast<int>(c));
  }
}

void RtlEngine::wave(const std::string& prefix) {
  for (std::size_t c = 0; c < cores_.size(); ++c)
    cores_[c].rtl->wave(prefix + (cores_.size() == 1 ? "" : "_core_" + std::to_string(c)) + ".fst");
}

std::optional<models::clocked::SystemTiming> RtlEngine::run(std::vector<LoadedProgram>& programs,
                                                            Cores& cores) {
  if (programs.size() != cores_.size() || cores.size() != static_cast<int>(cores_.size()))
    throw std::invalid_argument("RTL engine: another number of cores");
  messages_.restart();
  rows_.clear();
  for (std::size_t c = 0; c < cores_.size(); ++c) {
    models::Core& core = cores.core(static_cast<int>(c));
    check_rtl_fits(core, lanes_);
    cores_[c].sending.clear();
    cores_[c].last = -1;
    cores_[c].arrivals.clear();
    cores_[c].rtl->load(core, {0, slots_});
    cores_[c].rtl->begin(programs[c].instructions(), core);
  }
  std::int64_t told = 0;
  clock_.run([&](std::int64_t now) {
    constexpr std::int64_t kCyclesApart = 4096;
    if (now % kCyclesApart == 0) told += tell(cores.executor(0).watched_by(), told);
    return cycle(now);
  });
  models::clocked::SystemTiming timing;
  for (std::size_t c = 0; c < cores_.size(); ++c) {
    cores_[c].rtl->store(cores.core(static_cast<int>(c)), {0, slots_});
    timing.cores.push_back(cores_[c].rtl->timing(cores_[c].last));
    timing.cores.back().arrivals = std::move(cores_[c].arrivals);
  }
  timing.links = messages_.counters();
  return timing;
}

// Instructions that have ended beyond those that were told of.
std::int64_t RtlEngine::tell(const models::Watch& watch, std::int64_t told) const {
  std::int64_t ended = 0;
  for (const Member& core : cores_) ended += core.rtl->ended();
  watch.done(ended - told);
  return ended - told;
}

// A core whose program has ended has a clock only where something arrives.
bool RtlEngine::cycle(std::int64_t now) {
  if (now > most_cycles_)
    throw std::logic_error("RTL engine: has not ended in cycle " + std::to_string(now - 1));
  messages_.step(now);
  bool ended = true;
  for (std::size_t c = 0; c < cores_.size(); ++c) {
    const bool arrives = deliver(c, now), ran = cores_[c].last < 0;
    if (!ran && !arrives) continue;
    const bool ends = cores_[c].rtl->cycle(now);
    if (ran && ends) cores_[c].last = now;
    collect(c, now);
    ended = ended && (!ran || ends);
  }
  return ended && messages_.idle();
}

// The row that is written in this cycle, if there is one.
bool RtlEngine::deliver(std::size_t core, std::int64_t now) {
  std::deque<Messages::Writing>& queue = messages_.writing(static_cast<int>(core));
  if (queue.empty() || queue.front().first > now) return false;
  const Messages::Writing writing = queue.front();
  const auto rows = rows_.find(writing.number);
  cores_[core].rtl->arrive(rows->second.at(static_cast<std::size_t>(now - writing.first)));
  if (now < writing.last) return true;
  cores_[core].arrivals.push_back({now, writing.semaphores});
  rows_.erase(rows);
  queue.pop_front();
  return true;
}

// The row that leaves in this cycle; with the last one its put becomes a message.
void RtlEngine::collect(std::size_t core, std::int64_t now) {
  const PutRow* const row = cores_[core].rtl->sent();
  if (row == nullptr) return;
  std::vector<PutRow>& sending = cores_[core].sending;
  sending.push_back(*row);
  if (!row->last) return;
  std::int64_t bytes = 0;
  for (const PutRow& sent : sending)
    bytes += static_cast<std::int64_t>(std::bitset<64>(sent.byte_enables).count());
  const Messages::Put put{static_cast<int>(core), row->receiver, static_cast<std::int64_t>(sending.size()),
                          bytes, row->semaphores};
  rows_.emplace(messages_.send(put, now), std::exchange(sending, {}));
}

}  // namespace anzan::sim
