// First half of the quantiser: |v| * 2^q as whole + fraction, for a value taken apart by value_parts. A
// pipeline is cut after this. huge_o: beyond every width; whole and fraction mean nothing then. sticky_o:
// something not zero below the random_bits of the fraction.
module quantiser_shift #(
  parameter integer SlotPointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 1
) (
  input  logic        [isa_pkg::AccumulatorBits-1:0] magnitude_i,
  input  logic signed [fp32_pkg::PointBits-1:0]      point_i,
  input  logic signed [SlotPointBits-1:0]            q_i,
  output logic                                       huge_o,
  output logic        [isa_pkg::WidthMax-1:0]        whole_o,
  output logic        [isa_pkg::RandomBits-1:0]      fraction_o,
  output logic                                       sticky_o
);
  localparam integer Whole      = isa_pkg::WidthMax;
  localparam integer Fraction   = isa_pkg::RandomBits;
  localparam integer Window     = isa_pkg::AccumulatorBits + Whole + Fraction;  // up to Whole places to the left
  localparam integer AmountBits = $clog2(Window + 1);
  localparam integer E          = fp32_pkg::PointBits + 1;
  localparam logic signed [E-1:0] AmountMax = E'((1 << AmountBits) - 1);

  logic signed [E-1:0]   down;  // from the leftmost place
  logic [AmountBits-1:0] amount;
  logic [Window-1:0]     shifted;
  assign down   = E'(point_i) - E'(q_i) + E'(Whole);
  assign amount = down > AmountMax ? AmountMax[AmountBits-1:0] : down[AmountBits-1:0];
  shift_right_sticky #(.Width(Window), .AmountBits(AmountBits)) u_shift (
    .value_i  ({magnitude_i, {(Whole + Fraction) {1'b0}}}),
    .amount_i (amount),
    .value_o  (shifted),
    .sticky_o (sticky_o)
  );
  assign huge_o     = down < 0 ? magnitude_i != '0 : shifted[Window-1:Whole+Fraction] != '0;
  assign whole_o    = shifted[Whole+Fraction-1:Fraction];
  assign fraction_o = shifted[Fraction-1:0];
endmodule
