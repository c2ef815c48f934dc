// HBM answers from a queue of requests in their order; program memory is the encoded program, an instruction
// a line; the log turns bits of units into times of instructions.
#include "sim/rtl/ports.hpp"

#include <stdexcept>
#include <string>

namespace anzan::sim {

void HbmPort::restart(models::Core& core) {
  hbm_.reset();
  flights_.clear();
  first_id_ = 0;
  core_ = &core;
}

bool HbmPort::can_accept(std::int64_t cycle, std::int64_t line) {
  if (line >= core_->lines(isa::Space::kHbm))
    throw std::logic_error("RTL core: asks for HBM line " + std::to_string(line) + ", which does not exist");
  return hbm_.can_accept(cycle, line);
}

void HbmPort::present(std::int64_t cycle, std::int64_t line, bool write) {
  hbm_.present(cycle, line, write, first_id_ + static_cast<std::int64_t>(flights_.size()));
  flights_.push_back({line, write});
}

void HbmPort::read(std::int64_t cycle, std::int64_t line) { present(cycle, line, false); }

void HbmPort::write(std::int64_t cycle, std::int64_t line, std::uint64_t byte_enables, const void* data) {
  present(cycle, line, true);
  std::uint8_t* const to = bytes(line);
  const auto* from = static_cast<const std::uint8_t*>(data);
  for (std::size_t k = 0; k < line_bytes_; ++k) {
    if ((byte_enables >> k & 1) != 0) to[k] = from[k];
  }
}

HbmPort::Response HbmPort::respond(std::int64_t cycle) {
  if (flights_.empty()) return {false, nullptr};
  for (const models::HbmCompletion& completion : hbm_.collect(cycle))
    flights_.at(static_cast<std::size_t>(completion.id - first_id_)).arrived = true;
  if (!flights_.front().arrived) return {false, nullptr};
  const Flight flight = flights_.front();
  flights_.pop_front();
  ++first_id_;
  return {true, flight.write ? nullptr : bytes(flight.line)};
}

models::HbmCounters HbmPort::counters(std::int64_t cycles) {
  hbm_.advance(cycles);
  return hbm_.counters();
}

void ProgramMemory::load(const isa::Program& program) {
  constexpr std::size_t kReadAheadLines = 64;
  words_.clear();
  for (const isa::Instruction& instruction : program) {
    const std::vector<std::uint32_t> words = isa::encode({instruction});
    words_.insert(words_.end(), words.begin(), words.end());
    while (words_.size() % lanes_ != 0) words_.push_back(0);
  }
  words_.resize(words_.size() + kReadAheadLines * lanes_);
}

void UnitLog::begin(const isa::Program& program) {
  timing_.assign(program.size(), {-1, -1, -1, -1});
  units_.clear();
  for (const isa::Instruction& instruction : program) units_.push_back(isa::unit(instruction));
  for (auto& queue : queued_) queue.clear();
  issued_ = 0;
  last_event_ = 0;
}

void UnitLog::note_events(std::int64_t cycle, unsigned issued, unsigned started, unsigned done) {
  if ((issued | started | done) == 0) throw std::logic_error("RTL core: stands still");
  last_event_ = cycle;
  for (std::size_t u = 0; u < kUnits; ++u) {
    if ((done >> u & 1) != 0) timing_.at(running_[u]).ended = timing_.at(running_[u]).worked = cycle;
    if ((started >> u & 1) != 0) {
      running_[u] = queued_[u].at(0);
      queued_[u].pop_front();
      timing_.at(running_[u]).started = cycle;
    }
    if ((issued >> u & 1) != 0) {
      if (static_cast<std::size_t>(units_.at(issued_)) != u + 1)
        throw std::logic_error("RTL core: an instruction went to the wrong unit");
      queued_[u].push_back(issued_);
      timing_.at(issued_++).issued = cycle;
    }
  }
}

}  // namespace anzan::sim
