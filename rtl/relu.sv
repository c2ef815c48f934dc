// v > 0 ? v : +0, so that -0 and NaN become +0. A value is an accumulator, or binary32 in the low 32 bits.
module relu (
  input  logic                                enable_i,
  input  logic                                is_fp32_i,
  input  logic [isa_pkg::AccumulatorBits-1:0] value_i,
  output logic [isa_pkg::AccumulatorBits-1:0] value_o
);
  logic drop;
  assign drop    = is_fp32_i ? value_i[31] || value_i[30:0] > fp32_pkg::Infinity
                             : value_i[isa_pkg::AccumulatorBits-1];
  assign value_o = enable_i && drop ? '0 : value_i;
endmodule
