// One lane of the vector unit: t = op(a, b, c) on words, each operation as isa.json has it, rounded once.
// random_i is the random word of the lane's element, for `random` only.
module lane_alu (
  input  logic [isa_pkg::VectorOpBits-1:0] op_i,
  input  logic [31:0]                      a_i,
  input  logic [31:0]                      b_i,
  input  logic [31:0]                      c_i,
  input  logic [31:0]                      random_i,
  output logic [31:0]                      result_o
);
  // add, sub, mul, fma, fnma
  logic        fuses;
  logic [31:0] factor, addend, fused;
  always_comb begin
    case (op_i)
      isa_pkg::VectorOpAdd, isa_pkg::VectorOpSub, isa_pkg::VectorOpMul, isa_pkg::VectorOpFma, isa_pkg::VectorOpFnma:
        fuses = 1'b1;
      default: fuses = 1'b0;
    endcase
  end
  always_comb begin
    factor = b_i;
    addend = c_i;
    case (op_i)
      isa_pkg::VectorOpAdd: {factor, addend} = {fp32_pkg::One, b_i};
      isa_pkg::VectorOpSub: {factor, addend} = {fp32_pkg::One, ~b_i[31], b_i[30:0]};
      isa_pkg::VectorOpMul: addend = fp32_pkg::NegativeZero;
      default: ;
    endcase
  end
  fp32_fma u_fma (
    .a_i              (a_i),
    .b_i              (factor),
    .c_i              (addend),
    .negate_product_i (op_i == isa_pkg::VectorOpFnma),
    .enable_i         (fuses),
    .result_o         (fused)
  );

  logic greater, less, equal;
  fp32_compare u_compare (.a_i(a_i), .b_i(b_i), .greater_o(greater), .less_o(less), .equal_o(equal));

  // f2i: what has no int32 is the least one.
  localparam logic [31:0] Least = 32'h80000000;
  logic        negative, huge;
  logic [31:0] magnitude, whole;
  fp32_to_fixed #(.WholeBits(32), .PointBits(1)) u_f2i (
    .value_i     (a_i),
    .point_i     (1'b0),
    .negative_o  (negative),
    .huge_o      (huge),
    .magnitude_o (magnitude)
  );
  assign whole = huge || magnitude[31] ? Least : negative ? -magnitude : magnitude;

  // i2f, random
  localparam integer PointBits = $clog2(isa_pkg::RandomBits + 1) + 1;
  logic        is_random;
  logic [31:0] from_int;
  assign is_random = op_i == isa_pkg::VectorOpRandom;
  int_to_fp32 #(.Width(32), .PointBits(PointBits)) u_i2f (
    .value_i  (is_random ? random_i >> (32 - isa_pkg::RandomBits) : a_i),
    .point_i  (is_random ? PointBits'(isa_pkg::RandomBits) : {PointBits{1'b0}}),
    .result_o (from_int)
  );

  // uadd: stops at the largest.
  logic        carry;
  logic [31:0] sum;
  assign {carry, sum} = {1'b0, a_i} + {1'b0, b_i};

  always_comb begin
    result_o = fused;
    case (op_i)
      isa_pkg::VectorOpCopy:     result_o = a_i;
      isa_pkg::VectorOpMax:      result_o = greater ? a_i : b_i;
      isa_pkg::VectorOpMin:      result_o = less ? a_i : b_i;
      isa_pkg::VectorOpSelectEq: result_o = equal ? c_i : '0;
      isa_pkg::VectorOpSelectGt: result_o = greater ? c_i : '0;
      isa_pkg::VectorOpF2i:      result_o = whole;
      isa_pkg::VectorOpI2f:      result_o = from_int;
      isa_pkg::VectorOpIadd:     result_o = sum;
      isa_pkg::VectorOpIsub:     result_o = a_i - b_i;
      isa_pkg::VectorOpIand:     result_o = a_i & b_i;
      isa_pkg::VectorOpIshl:     result_o = a_i << b_i[4:0];
      isa_pkg::VectorOpIshr:     result_o = $signed(a_i) >>> b_i[4:0];
      isa_pkg::VectorOpRandom:   result_o = from_int;
      isa_pkg::VectorOpUadd:     result_o = sum | {32{carry}};
      default: ;  // add, sub, mul, fma, fnma
    endcase
  end
endmodule
