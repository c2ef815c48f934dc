// Takes a value apart into sign, integer magnitude and binary point, v = (-1)^negative * magnitude * 2^(-point),
// so that accumulators and binary32 are the same from here on. Infinity and NaN become numbers from 2^128 on,
// which no binary point of a slot brings below the limits of saturation or of the histogram.
module value_parts #(
  parameter integer PointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 2  // of two slots
) (
  input  logic                                       is_fp32_i,
  input  logic        [isa_pkg::AccumulatorBits-1:0] value_i,  // binary32 in the low 32 bits
  input  logic signed [PointBits-1:0]                point_i,  // of the accumulator
  output logic                                       negative_o,
  output logic        [isa_pkg::AccumulatorBits-1:0] magnitude_o,
  output logic signed [fp32_pkg::PointBits-1:0]      point_o
);
  localparam integer Bits = isa_pkg::AccumulatorBits;
  localparam integer E    = fp32_pkg::PointBits;

  logic [7:0] exponent;
  assign exponent = value_i[30:23];
  always_comb begin
    negative_o  = value_i[Bits-1];
    magnitude_o = value_i[Bits-1] ? -value_i : value_i;
    point_o     = E'(point_i);
    if (is_fp32_i) begin
      negative_o  = value_i[31];
      magnitude_o = Bits'({exponent != '0, value_i[22:0]});
      point_o     = E'(fp32_pkg::SubnormalPoint + 1) - E'(exponent) - E'(exponent == '0);
    end
  end
endmodule
