// Second half of the quantiser: rounds whole + fraction to n of `width` bits and saturates. zero_i: the value
// is zero, which is no underflow.
module quantiser_round #(
  parameter integer WidthBits = $clog2(isa_pkg::WidthMax + 1)
) (
  input  logic                                    negative_i,
  input  logic                                    zero_i,
  input  logic                                    huge_i,
  input  logic        [isa_pkg::WidthMax-1:0]     whole_i,
  input  logic        [isa_pkg::RandomBits-1:0]   fraction_i,
  input  logic                                    sticky_i,
  input  logic        [WidthBits-1:0]             width_i,
  input  logic        [isa_pkg::RoundingBits-1:0] rounding_i,
  input  logic        [isa_pkg::RandomBits-1:0]   random_i,  // the upper bits of the random word
  output logic signed [isa_pkg::WidthMax-1:0]     n_o,
  output logic                                    saturated_high_o,
  output logic                                    saturated_low_o,
  output logic                                    underflow_o
);
  localparam integer Whole    = isa_pkg::WidthMax;
  localparam integer Fraction = isa_pkg::RandomBits;

  logic round_up, carry, over;
  logic [Fraction-1:0] unused_sum;
  logic [Whole:0] rounded, limit;
  logic [Whole-1:0] magnitude;
  assign {carry, unused_sum} = {1'b0, fraction_i} + {1'b0, random_i};
  always_comb begin
    round_up = 1'b0;
    case (rounding_i)
      isa_pkg::RoundingNearestEven:
        round_up = fraction_i[Fraction-1] && (fraction_i[Fraction-2:0] != '0 || sticky_i || whole_i[0]);
      isa_pkg::RoundingStochastic: round_up = carry;
      default: round_up = 1'b0;
    endcase
  end
  assign rounded   = {1'b0, whole_i} + (Whole + 1)'(round_up);
  assign limit     = ((Whole + 1)'(1) << (width_i - 1'b1)) - (Whole + 1)'(!negative_i);
  assign over      = huge_i || rounded > limit;
  assign magnitude = over ? limit[Whole-1:0] : rounded[Whole-1:0];

  assign n_o              = negative_i ? -magnitude : magnitude;
  assign saturated_high_o = over && !negative_i;
  assign saturated_low_o  = over && negative_i;
  assign underflow_o      = !zero_i && magnitude == '0;
endmodule
