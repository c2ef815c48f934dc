// value * 2^(-point) as binary32: rounded to nearest even (exact up to 24 bits), then scaled. The scaled
// value must be zero or normal, which every point of a slot and of a product of two slots grants.
// Width 48 is the accumulator, width 16 an int8 or int16 element, width 32 an int32.
module int_to_fp32 #(
  parameter integer Width     = 48,
  parameter integer PointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 2  // of two slots
) (
  input  logic signed [Width-1:0]     value_i,
  input  logic signed [PointBits-1:0] point_i,
  output logic        [31:0]          result_o
);
  localparam integer Significand = fp32_pkg::SignificandBits;
  localparam integer Padded      = Width < Significand + 2 ? Significand + 2 : Width;  // with guard and sticky
  localparam integer AmountBits  = $clog2(Padded);
  localparam integer E           = 10;  // any exponent here, signed
  localparam integer First       = fp32_pkg::Bias + Width - 1;  // exponent of the integer's first place

  logic [Width-1:0]      magnitude;
  logic [Padded-1:0]     padded, normal;
  logic [AmountBits-1:0] amount;
  assign magnitude = value_i[Width-1] ? -value_i : value_i;
  if (Padded > Width) begin : gen_pad
    assign padded = {magnitude, {(Padded - Width) {1'b0}}};
  end else begin : gen_no_pad
    assign padded = magnitude;
  end
  normalise #(.Width(Padded)) u_normalise (
    .value_i  (padded),
    .limit_i  ({AmountBits{1'b1}}),
    .value_o  (normal),
    .amount_o (amount)
  );

  logic signed [E-1:0] exponent;
  logic                guard, sticky, round_up;
  logic [30:0]         rounded;
  assign exponent = E'(First) - E'(amount) - E'(point_i);
  assign guard    = normal[Padded-1-Significand];
  assign sticky   = normal[Padded-2-Significand:0] != '0;
  assign round_up = guard && (sticky || normal[Padded-Significand]);
  assign rounded  = {exponent[7:0], normal[Padded-2:Padded-Significand]} + 31'(round_up);
  assign result_o = value_i == '0 ? 32'b0 : {value_i[Width-1], rounded};

  logic unused_bits;
  assign unused_bits = ^{exponent[E-1:8], normal[Padded-1]};
endmodule
