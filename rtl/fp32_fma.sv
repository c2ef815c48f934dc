// a * b + c in binary32, rounded once to nearest even; with negate_product_i c - a * b. Subnormals count;
// every NaN is fp32_pkg::Nan; an exact sum of zero is +0 unless both addends are negative.
// a + b is fma(a, 1, b) and a * b is fma(a, b, -0), signs of zero included. Without enable_i the result is zero and
// nothing is computed: the operands are isolated, which spares a circuit's power and a simulator's time.
module fp32_fma (
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  input  logic [31:0] c_i,
  input  logic        negate_product_i,
  input  logic        enable_i,
  output logic [31:0] result_o
);
  localparam integer Product = 2 * fp32_pkg::SignificandBits;
  // The window in which both addends stand, in units of the product's last place: c may begin Above places
  // higher (beyond, the product is less than a quarter of c's last place), and Below places hold what of c
  // lies lower: significand, guard and sticky after a cancellation of one bit.
  localparam integer Above        = Product + 2;
  localparam integer Below        = 3;
  localparam integer Window       = Above + fp32_pkg::SignificandBits + 1 + Below;
  localparam integer TopOfProduct = Window - 1 - Below - fp32_pkg::Bias - 2 * fp32_pkg::FractionBits;
  localparam integer AmountBits   = $clog2(Window);
  localparam integer E            = fp32_pkg::ExponentBits + 3;  // sums of three exponents, signed
  localparam logic signed [E-1:0] ExponentMax = E'(fp32_pkg::ExponentMax);
  localparam logic signed [E-1:0] AmountMax   = E'((1 << AmountBits) - 1);

  logic [7:0] a_exponent, b_exponent, c_exponent;
  logic       a_fraction, b_fraction, c_fraction;  // not zero
  logic       a_special, b_special, c_special, a_zero, b_zero, product_negative, c_negative, is_nan, is_infinite;
  logic signed [E-1:0]   a_place, b_place, c_place, lead, room, top, most, exponent;
  logic                  far;  // the product only counts as something below c
  logic [Product-1:0]    product;
  logic [AmountBits-1:0] align, limit, amount;
  logic [Window-2:0]     c_aligned;
  logic                  c_sticky, subtract, flipped, negative, round_up, guard, sticky;
  logic [Window:0]       product_addend, c_addend, sum, magnitude;
  logic [Window-1:0]     normal;
  logic [30:0]           rounded;
  always_comb begin
    // Nothing switches where nothing is enabled.
    {a_exponent, b_exponent, c_exponent, a_fraction, b_fraction, c_fraction}                             = '0;
    {a_special, b_special, c_special, a_zero, b_zero, product_negative, c_negative, is_nan, is_infinite} = '0;
    {a_place, b_place, c_place, lead, room, top, most, exponent, far, product, align, limit, amount}     = '0;
    {c_aligned, c_sticky, subtract, flipped, negative, round_up, guard, sticky, product_addend, c_addend} = '0;
    {sum, magnitude, normal, rounded} = '0;
    result_o = '0;
    if (enable_i) begin
      {a_exponent, a_fraction} = {a_i[30:23], a_i[22:0] != '0};
      {b_exponent, b_fraction} = {b_i[30:23], b_i[22:0] != '0};
      {c_exponent, c_fraction} = {c_i[30:23], c_i[22:0] != '0};

      // Special values.
      a_special        = a_exponent == fp32_pkg::ExponentMax;
      b_special        = b_exponent == fp32_pkg::ExponentMax;
      c_special        = c_exponent == fp32_pkg::ExponentMax;
      a_zero           = a_exponent == '0 && !a_fraction;
      b_zero           = b_exponent == '0 && !b_fraction;
      product_negative = a_i[31] ^ b_i[31] ^ negate_product_i;
      c_negative       = c_i[31];
      is_nan = (a_special && a_fraction) || (b_special && b_fraction) || (c_special && c_fraction) ||
               (a_special && b_zero) || (b_special && a_zero) ||
               ((a_special || b_special) && c_special && product_negative != c_negative);
      is_infinite = a_special || b_special || c_special;

      // Where the addends stand: `lead` is how many places c's last place is above the product's.
      a_place = E'(a_exponent) + E'(a_exponent == '0);
      b_place = E'(b_exponent) + E'(b_exponent == '0);
      c_place = E'(c_exponent) + E'(c_exponent == '0);
      lead    = c_place - a_place - b_place + E'(fp32_pkg::SubnormalPoint + 1);
      product = Product'({a_exponent != '0, a_i[22:0]}) * Product'({b_exponent != '0, b_i[22:0]});
      far     = product == '0 || lead > E'(Above);
      room    = E'(Above) - lead;

      align     = far ? '0 : room > AmountMax ? AmountMax[AmountBits-1:0] : room[AmountBits-1:0];
      c_aligned = {c_exponent != '0, c_i[22:0], {(Above + Below) {1'b0}}};
      c_sticky  = (c_aligned & ~({(Window - 1) {1'b1}} << align)) != '0;
      c_aligned = c_aligned >> align;

      subtract       = product_negative != c_negative;
      product_addend = far ? (Window + 1)'(product != '0) : (Window + 1)'({product, {Below{1'b0}}});
      c_addend       = (Window + 1)'({c_aligned[Window-2:1], c_aligned[0] | c_sticky});
      sum            = subtract ? product_addend - c_addend : product_addend + c_addend;
      flipped        = sum[Window];
      magnitude      = flipped ? -sum : sum;

      // `top` is the exponent of a sum whose first one stands in the window's first place; at least 2. The sum is
      // normalised as in module normalise.
      top    = far ? c_place + E'(1) : a_place + b_place + E'(TopOfProduct);
      most   = top - E'(1);
      limit  = most > AmountMax ? AmountMax[AmountBits-1:0] : most[AmountBits-1:0];
      normal = magnitude[Window-1:0];
      amount = '0;
      for (int i = AmountBits - 1; i >= 0; i = i - 1) begin
        if (((normal >> (Window - (1 << i))) == '0) && (((limit - amount) >> i) != '0)) begin
          normal = normal << (1 << i);
          amount = amount | AmountBits'(1 << i);
        end
      end

      negative = magnitude == '0 ? product_negative && c_negative : flipped ? c_negative : product_negative;
      exponent = normal[Window-1] ? top - E'(amount) : '0;
      guard    = normal[Window-1-fp32_pkg::SignificandBits];
      sticky   = normal[Window-2-fp32_pkg::SignificandBits:0] != '0;
      round_up = guard && (sticky || normal[Window-fp32_pkg::SignificandBits]);
      // A carry out of the fraction raises the exponent, up to infinity.
      rounded  = {exponent[7:0], normal[Window-2:Window-fp32_pkg::SignificandBits]} + 31'(round_up);

      result_o = {negative, rounded};
      if (exponent >= ExponentMax) result_o = {negative, fp32_pkg::ExponentMax, 23'b0};
      if (is_infinite) result_o = {c_special ? c_negative : product_negative, fp32_pkg::ExponentMax, 23'b0};
      if (is_nan) result_o = fp32_pkg::Nan;
    end
  end
endmodule
