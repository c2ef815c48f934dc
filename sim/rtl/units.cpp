// Units that compute or move rows, Verilated: tensor unit, vector unit, DMA, network unit. Inputs that nobody
// drives carry garbage. SystemC is not to be included here: it quarrels with Verilator's header.
#include "sim/rtl/units.hpp"

#include <optional>
#include <stdexcept>
#include <string>

#include "models/timing.hpp"
#include "sim/rtl/modules.hpp"
#include "sim/rtl/pins.hpp"
#include "sim/rtl/ports.hpp"

namespace anzan::sim {
namespace {

using models::clocked::CountingPort;
using models::clocked::RtlUnit;
using models::clocked::Surroundings;

template <class Module, int kLanes>
class RowUnit : public RtlUnit {
 public:
  void restart(const Surroundings& surroundings) override {
    around_ = surroundings;
    unit_->start_i = 0;
    unit_.reset();
  }
  void start(const isa::Instruction& instruction) override {
    const std::vector<std::uint32_t> words = isa::encode({instruction});
    std::memcpy(&unit_->instruction_i[0], words.data(),
                std::min(4 * words.size(), sizeof unit_->instruction_i));
    unit_->start_i = 1;
  }

 protected:
  static constexpr std::size_t kLineBytes = 4 * kLanes;

  // A port that reads the scratchpad: what is asked for in a cycle stands at it in the next.
  struct Read {
    bool asked = false;
    std::uint8_t line[kLineBytes];
  };
  void ask(Read& read, bool enable, std::uint32_t line) {
    read.asked = enable;
    if (enable) std::memcpy(read.line, scratchpad_line(line), kLineBytes);
  }
  template <class Port>
  static void answer(const Read& read, Port& port) {
    if (read.asked)
      std::memcpy(&port[0], read.line, kLineBytes);
    else
      std::memset(&port[0], 0xa5, kLineBytes);
  }
  template <class Port>
  void write(std::uint32_t line, std::uint64_t byte_enables, const Port& data) {
    std::uint8_t* const to = scratchpad_line(line);
    const auto* const from = reinterpret_cast<const std::uint8_t*>(&data[0]);
    for (std::size_t k = 0; k < kLineBytes; ++k) {
      if ((byte_enables >> k & 1) != 0) to[k] = from[k];
    }
  }
  // After the first cycle.
  void end_start() {
    if (unit_->start_i == 0) return;
    unit_->start_i = 0;
    std::memset(&unit_->instruction_i[0], 0xff, sizeof unit_->instruction_i);
  }

  Surroundings around_;
  RtlPins<Module> unit_;

 private:
  std::uint8_t* scratchpad_line(std::uint32_t line) {
    if (line >= around_.core->lines(isa::Space::kScratchpad))
      throw std::logic_error("RTL: line " + std::to_string(line) + " of the scratchpad does not exist");
    return around_.core->scratchpad() + line * kLineBytes;
  }
};

// Three operands, an output, settings, statistics.
template <class Module, int kLanes, CountingPort kPort>
class ComputeUnit final : public RowUnit<Module, kLanes> {
 public:
  RtlUnit::Outputs cycle(std::int64_t, bool granted) override {
    auto& unit = this->unit_;
    auto& settings = *this->around_.settings;
    unit->gnt_i = granted;
    unit->seed_i = settings.seed();
    unit->step_i = settings.step();
    unit->slot_rdata_i = slot_asked_ ? lookup_word(settings.looked_up(kPort)) : 0x155555;
    if constexpr (kPort == CountingPort::kVector) {
      unit->scalar_rdata_i = scalar_asked_ ? settings.scalar() : 0xa5a5a5a5;
    }
    unit.settle();
    look_up();
    if (granted) line_ = 0;
    if (line_ < models::kDatabaseLines) {
      this->around_.statistics->add(kPort, unit->slot_o, line_, counters_at(unit->add_o));
      ++line_;
    }
    this->ask(a_, unit->a_re_o, unit->a_addr_o);
    this->ask(b_, unit->b_re_o, unit->b_addr_o);
    this->ask(c_, unit->c_re_o, unit->c_addr_o);
    RtlUnit::Outputs out{unit->o_we_o != 0, unit->done_o != 0, false};
    if (out.wrote) this->write(unit->o_addr_o, unit->o_be_o, unit->o_wdata_o);
    unit.edge();
    this->end_start();
    this->answer(a_, unit->a_rdata_i);
    this->answer(b_, unit->b_rdata_i);
    this->answer(c_, unit->c_rdata_i);
    out.asks = unit->req_o != 0;
    return out;
  }

 private:
  using Row = RowUnit<Module, kLanes>;

  void look_up() {
    auto& unit = this->unit_;
    slot_asked_ = unit->slot_re_o != 0;
    if (slot_asked_) this->around_.settings->look_up(kPort, unit->slot_addr_o);
    if constexpr (kPort == CountingPort::kVector) {
      scalar_asked_ = unit->scalar_re_o != 0;
      if (scalar_asked_) this->around_.settings->look_up_scalar(unit->scalar_addr_o);
    }
  }

  typename Row::Read a_, b_, c_;
  bool slot_asked_ = false, scalar_asked_ = false;
  int line_ = models::kDatabaseLines;  // of a grant, the next
};

template <class Module, int kLanes>
class Network final : public RowUnit<Module, kLanes> {
 public:
  void restart(const Surroundings& surroundings) override {
    this->unit_->core_i = 0;  // of a core that is alone
    RowUnit<Module, kLanes>::restart(surroundings);
  }
  RtlUnit::Outputs cycle(std::int64_t, bool) override {
    auto& unit = this->unit_;
    unit.settle();
    this->ask(row_, unit->r_re_o, unit->r_addr_o);
    const RtlUnit::Outputs out{unit->w_we_o != 0, unit->done_o != 0, false};
    if (out.wrote) this->write(unit->w_addr_o, unit->w_be_o, unit->w_wdata_o);
    unit.edge();
    this->end_start();
    this->answer(row_, unit->r_rdata_i);
    return out;
  }

 private:
  typename RowUnit<Module, kLanes>::Read row_;
};

template <class Module, int kLanes>
class DmaUnit final : public RowUnit<Module, kLanes> {
 public:
  void restart(const Surroundings& surroundings) override {
    RowUnit<Module, kLanes>::restart(surroundings);
    hbm_.emplace(*surroundings.hbm, kLanes);
    hbm_->restart(*surroundings.core);
  }

  // Outputs depend on req_ready_i within the cycle, which depends on them in turn.
  RtlUnit::Outputs cycle(std::int64_t now, bool) override {
    auto& unit = this->unit_;
    const HbmPort::Response response = hbm_->respond(now);
    unit->rsp_valid_i = response.valid;
    if (response.data != nullptr)
      std::memcpy(&unit->rsp_rdata_i[0], response.data, this->kLineBytes);
    else
      std::memset(&unit->rsp_rdata_i[0], 0xa5, this->kLineBytes);
    unit->req_ready_i = 0;
    unit.settle();
    if (unit->req_valid_o != 0 && hbm_->can_accept(now, unit->req_line_o)) {
      unit->req_ready_i = 1;
      unit.settle();
      request(now);
    }
    this->ask(row_, unit->r_re_o, unit->r_addr_o);
    RtlUnit::Outputs out{unit->w_we_o != 0, unit->done_o != 0, false};
    if (out.wrote) this->write(unit->w_addr_o, unit->w_be_o, unit->w_wdata_o);
    unit.edge();
    this->end_start();
    this->answer(row_, unit->r_rdata_i);
    return out;
  }

 private:
  void request(std::int64_t now) {
    auto& unit = this->unit_;
    if (unit->req_write_o != 0)
      hbm_->write(now, unit->req_line_o, unit->req_be_o, &unit->req_wdata_o[0]);
    else
      hbm_->read(now, unit->req_line_o);
  }

  std::optional<HbmPort> hbm_;
  typename RowUnit<Module, kLanes>::Read row_;
};

template <int kLanes>
using TensorUnit = ComputeUnit<typename RtlModules<kLanes>::TensorUnit, kLanes, CountingPort::kTensor>;
template <int kLanes>
using VectorUnit = ComputeUnit<typename RtlModules<kLanes>::VectorUnit, kLanes, CountingPort::kVector>;
template <int kLanes>
using Dma = DmaUnit<typename RtlModules<kLanes>::Dma, kLanes>;
template <int kLanes>
using NetworkUnit = Network<typename RtlModules<kLanes>::NetworkUnit, kLanes>;

}  // namespace

std::unique_ptr<RtlUnit> make_rtl_tensor_unit(int lanes) {
  return make_rtl_block<RtlUnit, TensorUnit>(lanes);
}
std::unique_ptr<RtlUnit> make_rtl_vector_unit(int lanes) {
  return make_rtl_block<RtlUnit, VectorUnit>(lanes);
}
std::unique_ptr<RtlUnit> make_rtl_dma(int lanes) { return make_rtl_block<RtlUnit, Dma>(lanes); }
std::unique_ptr<RtlUnit> make_rtl_network_unit(int lanes) {
  return make_rtl_block<RtlUnit, NetworkUnit>(lanes);
}

}  // namespace anzan::sim
