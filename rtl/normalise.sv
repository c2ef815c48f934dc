// Shifts left by min(leading zeros, limit): amount_o says by how much. A value of zero shifts by limit_i, or
// by all ones where that is smaller.
module normalise #(
  parameter integer Width      = 48,
  parameter integer AmountBits = $clog2(Width)
) (
  input  logic [Width-1:0]      value_i,
  input  logic [AmountBits-1:0] limit_i,
  output logic [Width-1:0]      value_o,
  output logic [AmountBits-1:0] amount_o
);
  // The binary digits of the amount, the largest first: a digit is one where both zeros and limit allow it.
  // Zero needs no shifting: operands that are isolated by zeros cost a simulator nothing.
  always_comb begin
    value_o  = '0;
    amount_o = limit_i;
    if (value_i != '0) begin
      value_o  = value_i;
      amount_o = '0;
      for (int i = AmountBits - 1; i >= 0; i = i - 1) begin
        if (((value_o >> (Width - (1 << i))) == '0) && (((limit_i - amount_o) >> i) != '0)) begin
          value_o     = value_o << (1 << i);
          amount_o[i] = 1'b1;
        end
      end
    end
  end
endmodule
