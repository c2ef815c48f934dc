// The Verilated modules of the single blocks that have lanes, by their lanes. Sees Verilator's headers: not
// to be included where SystemC is.
#pragma once
#include <Vanalysis_block_16.h>
#include <Vanalysis_block_4.h>
#include <Vdma_16.h>
#include <Vdma_4.h>
#include <Vnetwork_unit_16.h>
#include <Vnetwork_unit_4.h>
#include <Vtensor_unit_16.h>
#include <Vtensor_unit_4.h>
#include <Vvector_unit_16.h>
#include <Vvector_unit_4.h>

#include <memory>
#include <stdexcept>
#include <utility>

namespace anzan::sim {

template <int kLanes>
struct RtlModules;
template <>
struct RtlModules<4> {
  using TensorUnit = Vtensor_unit_4;
  using VectorUnit = Vvector_unit_4;
  using Dma = Vdma_4;
  using NetworkUnit = Vnetwork_unit_4;
  using AnalysisBlock = Vanalysis_block_4;
};
template <>
struct RtlModules<16> {
  using TensorUnit = Vtensor_unit_16;
  using VectorUnit = Vvector_unit_16;
  using Dma = Vdma_16;
  using NetworkUnit = Vnetwork_unit_16;
  using AnalysisBlock = Vanalysis_block_16;
};

// The lanes for which rtl/CMakeLists.txt has blocks Verilated.
using RtlBlockLanes = std::integer_sequence<int, ANZAN_RTL_BLOCK_LANES>;

// Block<lanes> behind its face. Throws std::invalid_argument for lanes that are not among RtlBlockLanes.
template <class Face, template <int> class Block, int... kLanes>
std::unique_ptr<Face> make_rtl_block(int lanes, std::integer_sequence<int, kLanes...>) {
  std::unique_ptr<Face> block;
  ((lanes == kLanes ? void(block = std::make_unique<Block<kLanes>>()) : void()), ...);
  if (block == nullptr) throw std::invalid_argument("RTL blocks: are not built for these lanes");
  return block;
}
template <class Face, template <int> class Block>
std::unique_ptr<Face> make_rtl_block(int lanes) {
  return make_rtl_block<Face, Block>(lanes, RtlBlockLanes{});
}

}  // namespace anzan::sim
