// Takes a tensor instruction apart with the generated constants, as RTL does: for the tools' front ends.
module isa_pkg_use (
  input  logic [isa_pkg::TensorWords*isa_pkg::WordBits-1:0] instruction_i,
  output logic                                              is_tensor_o,
  output logic                                              is_fp32_o,
  output logic [isa_pkg::TensorLoopsCount-1:0]              single_o,
  output logic [isa_pkg::TensorAStrideWidth-1:0]            stride_o
);
  localparam integer LAST = isa_pkg::TensorAStrideLsb + (isa_pkg::TensorAStrideCount - 1) * isa_pkg::TensorAStrideWidth;

  assign is_tensor_o = instruction_i[isa_pkg::TensorOpcodeLsb +: isa_pkg::TensorOpcodeWidth] == isa_pkg::OpcodeTensor;
  assign is_fp32_o   = instruction_i[isa_pkg::TensorFormatLsb +: isa_pkg::TensorFormatWidth] == isa_pkg::FormatFp32;
  assign stride_o    = instruction_i[LAST +: isa_pkg::TensorAStrideWidth];

  for (genvar k = 0; k < isa_pkg::TensorLoopsCount; k = k + 1) begin : gen_loop
    assign single_o[k] =
        instruction_i[isa_pkg::TensorLoopsLsb + k * isa_pkg::TensorLoopsWidth +: isa_pkg::TensorLoopsWidth] == 1;
  end

  logic unused_bits;
  assign unused_bits = ^instruction_i;
endmodule
