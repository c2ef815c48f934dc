// Shifts right; sticky_o is set if a one fell out. Any amount is meaningful.
module shift_right_sticky #(
  parameter integer Width      = 88,
  parameter integer AmountBits = 7
) (
  input  logic [Width-1:0]      value_i,
  input  logic [AmountBits-1:0] amount_i,
  output logic [Width-1:0]      value_o,
  output logic                  sticky_o
);
  // Zero needs no shifting: operands that are isolated by zeros cost a simulator nothing.
  always_comb begin
    value_o  = value_i;
    sticky_o = 1'b0;
    if (value_i != '0) begin
      for (int i = 0; i < AmountBits; i = i + 1) begin
        if (amount_i[i]) begin
          sticky_o = sticky_o | ((value_o & ~({Width{1'b1}} << (1 << i))) != '0);
          value_o  = value_o >> (1 << i);
        end
      end
    end
  end
endmodule
