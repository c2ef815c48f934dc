// An FP32 bias as an accumulator at binary point `point`: round-to-nearest-even(bias * 2^point), clamped to
// +-2^46, a quarter of the accumulator's range; infinity and NaN go to the limit of their sign bit.
module bias_to_accumulator #(
  parameter integer PointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 2  // of two slots
) (
  input  logic        [31:0]                         bias_i,
  input  logic signed [PointBits-1:0]                point_i,
  output logic signed [isa_pkg::AccumulatorBits-1:0] accumulator_o
);
  localparam integer LimitBit  = isa_pkg::AccumulatorBits - 2;
  localparam integer WholeBits = LimitBit + 1;
  localparam logic [WholeBits-1:0] Limit = {1'b1, {LimitBit{1'b0}}};

  logic                 negative, huge;
  logic [WholeBits-1:0] magnitude, clamped;
  fp32_to_fixed #(.WholeBits(WholeBits), .PointBits(PointBits)) u_fixed (
    .value_i     (bias_i),
    .point_i     (point_i),
    .negative_o  (negative),
    .huge_o      (huge),
    .magnitude_o (magnitude)
  );
  assign clamped       = huge || magnitude > Limit ? Limit : magnitude;
  assign accumulator_o = negative ? -{1'b0, clamped} : {1'b0, clamped};
endmodule
