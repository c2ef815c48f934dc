// Proof, at full width: quantiser_shift and quantiser_round narrow every magnitude at every binary point to every
// width by all three roundings as models/README.md says. Stated as inequalities between the value and the number
// that comes out, scaled to a common binary point, so that nothing is shifted right as the blocks do:
// nearest even within half a place with ties to even; towards zero within one place; stochastic by the random
// word; saturation exactly where the rounded number does not fit; underflow exactly where it is zero.
// Broken: 1 ties to odd, 2 truncates up, 3 stochastic without its random word, 4 saturates at ties below the
// limit, 5 one more negative number, 6 zero underflows, 7 an even last place is rounded up.
module quantiser_proof #(
  parameter integer Broken = 0
) (
  input logic                                              negative_i,
  input logic        [isa_pkg::AccumulatorBits-1:0]        magnitude_i,
  input logic signed [fp32_pkg::PointBits-1:0]             point_i,
  input logic signed [$clog2(isa_pkg::BinaryPointMax + 1):0] q_i,
  input logic        [$clog2(isa_pkg::WidthMax + 1)-1:0]   width_i,
  input logic        [isa_pkg::RoundingBits-1:0]           rounding_i,
  input logic        [isa_pkg::RandomBits-1:0]             random_i
);
  localparam integer Width  = isa_pkg::WidthMax;
  localparam integer Random = isa_pkg::RandomBits;
  // Beyond these a value is as huge, or as small, as at them.
  localparam integer Left   = Width + 2;
  localparam integer Right  = isa_pkg::AccumulatorBits + Random + 2;
  localparam integer W      = Right + Width + Random + 4;
  localparam logic signed [W-1:0] One = 1, Two = 2;

  logic                     huge, sticky, high, low, under;
  logic [Width-1:0]         whole;
  logic [Random-1:0]        fraction;
  logic signed [Width-1:0]  n;
  quantiser_shift u_shift (
    .magnitude_i (magnitude_i),
    .point_i     (point_i),
    .q_i         (q_i),
    .huge_o      (huge),
    .whole_o     (whole),
    .fraction_o  (fraction),
    .sticky_o    (sticky)
  );
  quantiser_round u_round (
    .negative_i       (negative_i),
    .zero_i           (magnitude_i == '0),
    .huge_i           (huge),
    .whole_i          (whole),
    .fraction_i       (fraction),
    .sticky_i         (sticky),
    .width_i          (width_i),
    .rounding_i       (rounding_i),
    .random_i         (random_i),
    .n_o              (n),
    .saturated_high_o (high),
    .saturated_low_o  (low),
    .underflow_o      (under)
  );

  logic signed [15:0]  down;  // places to the right of the last place of n
  logic        [7:0]   right;
  logic signed [W-1:0] value, limit, size, next, place, lower, upper;
  logic signed [W-1:0] random;
  logic                saturates;
  always_comb begin
    assume (width_i >= isa_pkg::WidthMin && width_i <= Width);
    assume (rounding_i == isa_pkg::RoundingNearestEven || rounding_i == isa_pkg::RoundingStochastic ||
            rounding_i == isa_pkg::RoundingTowardsZero);
    down = 16'(point_i) - 16'(q_i);
    if (down < -Left) down = -Left;
    if (down > Right) down = Right;
    right = down > 0 ? down[7:0] : 8'd0;
    value = magnitude_i;
    if (down < 0) value = value << -down;
    place = One << right;
    limit = (One << (width_i - 1'b1)) - One;
    if (negative_i) limit = Broken == 5 ? limit + Two : limit + One;
    random = random_i;
    if (Broken == 3) random = '0;
    size = n;
    if (negative_i) size = -size;

    // What saturates is the number after `limit`, were there one.
    next = limit + One;
    case (rounding_i)
      isa_pkg::RoundingNearestEven: saturates = (value << 1) > ((next << 1) - One) <<< right ||
        ((value << 1) == ((next << 1) - One) <<< right && (!next[0] || Broken == 4));
      isa_pkg::RoundingStochastic: saturates = (value << Random) >= ((next << Random) - random) <<< right;
      default: saturates = value >= next <<< right;
    endcase
    assert (high == (saturates && !negative_i));
    assert (low == (saturates && negative_i));
    assert (under == ((magnitude_i != '0 || Broken == 6) && n == '0));
    assert (size >= 0 && size <= limit);
    if (saturates) assert (size == limit);

    lower = '0;
    upper = '0;
    if (!saturates) begin
      case (rounding_i)
        isa_pkg::RoundingNearestEven: begin
          lower = ((size << 1) - One) <<< right;
          upper = ((size << 1) + One) <<< right;
          assert ((value << 1) >= lower && (value << 1) <= upper);
          if ((value << 1) == lower) assert (size[0] == (Broken == 1));
          if ((value << 1) == upper) assert (size[0] == (Broken == 7));
        end
        isa_pkg::RoundingStochastic: begin
          lower = ((size << Random) - random) <<< right;
          upper = lower + (One << Random << right);
          assert ((value << Random) >= lower && (value << Random) < upper);
        end
        default: begin
          lower = (Broken == 2 ? size - One : size) <<< right;
          upper = lower + place;
          assert (value >= lower && value < upper);
        end
      endcase
    end
  end
endmodule
