// What this processor could do at best, measured once: the limits that kernels are compared with.
#pragma once

namespace anzan::benchmarks {

struct MachineLimits {
  // Vector instructions a second that multiply and accumulate 64 bytes by 64 bytes held in registers: FP32
  // fused multiply-add, and where the processor has it the VNNI product of bytes (otherwise the FP32 figure).
  double fp32_products = 0, int8_products = 0;
  double copy_bytes = 0;  // bytes a second that memcpy reads and writes within 256 KiB
};

const MachineLimits& machine_limits();

}  // namespace anzan::benchmarks
