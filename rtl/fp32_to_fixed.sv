// From binary32 to an integer: |value| * 2^point rounded to nearest even is magnitude_o; huge_o where that is
// 2^WholeBits or more. The sign is apart. WholeBits must exceed 24, so that rounding cannot overflow. Infinity
// and NaN count as numbers from 2^128 on, which every binary point of a product leaves huge.
module fp32_to_fixed #(
  parameter integer WholeBits = 47,
  parameter integer PointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 2  // of two slots
) (
  input  logic        [31:0]          value_i,
  input  logic signed [PointBits-1:0] point_i,
  output logic                        negative_o,
  output logic                        huge_o,
  output logic        [WholeBits-1:0] magnitude_o
);
  localparam integer Significand = fp32_pkg::SignificandBits;
  localparam integer Room        = WholeBits - Significand;  // the significand may move up so far
  localparam integer E           = fp32_pkg::PointBits + 2;
  localparam integer AmountBits  = $clog2(WholeBits + 2);
  localparam logic signed [E-1:0] AmountMax = E'((1 << AmountBits) - 1);

  logic [7:0]            exponent;
  logic signed [E-1:0]   down;  // places by which the significand moves down from the highest place
  logic [AmountBits-1:0] amount;
  logic [WholeBits:0]    shifted;
  logic                  sticky, round_up;
  assign exponent = value_i[30:23];
  assign down = E'(fp32_pkg::SubnormalPoint + 1 + Room) - E'(exponent) - E'(exponent == '0) - E'(point_i);
  assign amount = down > AmountMax ? AmountMax[AmountBits-1:0] : down[AmountBits-1:0];
  shift_right_sticky #(.Width(WholeBits + 1), .AmountBits(AmountBits)) u_shift (
    .value_i  ({exponent != '0, value_i[22:0], {(Room + 1) {1'b0}}}),
    .amount_i (amount),
    .value_o  (shifted),
    .sticky_o (sticky)
  );

  assign round_up    = shifted[0] && (sticky || shifted[1]);
  assign negative_o  = value_i[31];
  assign huge_o      = down < 0;  // a subnormal never moves up
  assign magnitude_o = shifted[WholeBits:1] + WholeBits'(round_up);
endmodule
