// a * b + c in binary32, rounded once to nearest even; with negate_product_i c - a * b. Subnormals count;
// every NaN is fp32_pkg::Nan; an exact sum of zero is +0 unless both addends are negative.
// a + b is fma(a, 1, b) and a * b is fma(a, b, -0), signs of zero included.
module fp32_fma (
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  input  logic [31:0] c_i,
  input  logic        negate_product_i,
  output logic [31:0] result_o
);
  localparam integer Significand = fp32_pkg::SignificandBits;
  localparam integer Product     = 2 * Significand;
  // The window in which both addends stand, in units of the product's last place: c may begin Above places
  // higher (beyond, the product is less than a quarter of c's last place), and Below places hold what of c
  // lies lower: significand, guard and sticky after a cancellation of one bit.
  localparam integer Above        = Product + 2;
  localparam integer Below        = 3;
  localparam integer Window       = Above + Significand + 1 + Below;
  localparam integer TopOfProduct = Window - 1 - Below - fp32_pkg::Bias - 2 * fp32_pkg::FractionBits;
  localparam integer AmountBits   = $clog2(Window);
  localparam integer E            = fp32_pkg::ExponentBits + 3;  // sums of three exponents, signed
  localparam logic signed [E-1:0] ExponentMax = E'(fp32_pkg::ExponentMax);
  localparam logic signed [E-1:0] AmountMax   = E'((1 << AmountBits) - 1);

  logic [7:0] a_exponent, b_exponent, c_exponent;
  logic       a_fraction, b_fraction, c_fraction;  // not zero
  assign {a_exponent, a_fraction} = {a_i[30:23], a_i[22:0] != '0};
  assign {b_exponent, b_fraction} = {b_i[30:23], b_i[22:0] != '0};
  assign {c_exponent, c_fraction} = {c_i[30:23], c_i[22:0] != '0};

  // Special values.
  logic a_special, b_special, c_special, a_zero, b_zero, product_negative, c_negative, is_nan, is_infinite;
  assign a_special        = a_exponent == fp32_pkg::ExponentMax;
  assign b_special        = b_exponent == fp32_pkg::ExponentMax;
  assign c_special        = c_exponent == fp32_pkg::ExponentMax;
  assign a_zero           = a_exponent == '0 && !a_fraction;
  assign b_zero           = b_exponent == '0 && !b_fraction;
  assign product_negative = a_i[31] ^ b_i[31] ^ negate_product_i;
  assign c_negative       = c_i[31];
  assign is_nan = (a_special && a_fraction) || (b_special && b_fraction) || (c_special && c_fraction) ||
                  (a_special && b_zero) || (b_special && a_zero) ||
                  ((a_special || b_special) && c_special && product_negative != c_negative);
  assign is_infinite = a_special || b_special || c_special;

  // Where the addends stand: `lead` is how many places c's last place is above the product's.
  logic signed [E-1:0] a_place, b_place, c_place, lead, room;
  logic                far;  // the product only counts as something below c
  logic [Product-1:0]  product;
  assign a_place = E'(a_exponent) + E'(a_exponent == '0);
  assign b_place = E'(b_exponent) + E'(b_exponent == '0);
  assign c_place = E'(c_exponent) + E'(c_exponent == '0);
  assign lead    = c_place - a_place - b_place + E'(fp32_pkg::SubnormalPoint + 1);
  assign product = Product'({a_exponent != '0, a_i[22:0]}) * Product'({b_exponent != '0, b_i[22:0]});
  assign far     = product == '0 || lead > E'(Above);
  assign room    = E'(Above) - lead;

  logic [AmountBits-1:0] align;
  logic [Window-2:0]     c_aligned;
  logic                  c_sticky;
  assign align = far ? '0 : room > AmountMax ? AmountMax[AmountBits-1:0] : room[AmountBits-1:0];
  shift_right_sticky #(.Width(Window - 1), .AmountBits(AmountBits)) u_align (
    .value_i  ({c_exponent != '0, c_i[22:0], {(Above + Below) {1'b0}}}),
    .amount_i (align),
    .value_o  (c_aligned),
    .sticky_o (c_sticky)
  );

  logic [Window:0] product_addend, c_addend, sum, magnitude;
  logic            subtract, flipped;
  assign subtract       = product_negative != c_negative;
  assign product_addend = far ? (Window + 1)'(product != '0) : (Window + 1)'({product, {Below{1'b0}}});
  assign c_addend       = (Window + 1)'({c_aligned[Window-2:1], c_aligned[0] | c_sticky});
  assign sum            = subtract ? product_addend - c_addend : product_addend + c_addend;
  assign flipped        = sum[Window];
  assign magnitude      = flipped ? -sum : sum;

  // `top` is the exponent of a sum whose first one stands in the window's first place; at least 2.
  logic signed [E-1:0]   top, most;
  logic [AmountBits-1:0] limit, amount;
  logic [Window-1:0]     normal;
  assign top   = far ? c_place + E'(1) : a_place + b_place + E'(TopOfProduct);
  assign most  = top - E'(1);
  assign limit = most > AmountMax ? AmountMax[AmountBits-1:0] : most[AmountBits-1:0];
  normalise #(.Width(Window)) u_normalise (
    .value_i  (magnitude[Window-1:0]),
    .limit_i  (limit),
    .value_o  (normal),
    .amount_o (amount)
  );

  logic                negative, round_up, guard, sticky;
  logic signed [E-1:0] exponent;
  logic [30:0]         rounded;
  assign negative = magnitude == '0 ? product_negative && c_negative : flipped ? c_negative : product_negative;
  assign exponent = normal[Window-1] ? top - E'(amount) : '0;
  assign guard    = normal[Window-1-Significand];
  assign sticky   = normal[Window-2-Significand:0] != '0;
  assign round_up = guard && (sticky || normal[Window-Significand]);
  // A carry out of the fraction raises the exponent, up to infinity.
  assign rounded  = {exponent[7:0], normal[Window-2:Window-Significand]} + 31'(round_up);

  always_comb begin
    result_o = {negative, rounded};
    if (exponent >= ExponentMax) begin
      result_o = {negative, fp32_pkg::ExponentMax, 23'b0};
    end
    if (is_infinite) begin
      result_o = {c_special ? c_negative : product_negative, fp32_pkg::ExponentMax, 23'b0};
    end
    if (is_nan) result_o = fp32_pkg::Nan;
  end

  logic unused_bits;
  assign unused_bits = magnitude[Window];
endmodule
