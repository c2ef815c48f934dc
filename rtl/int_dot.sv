// The dot product of two words as four int8 or two int16, exact. For other formats the result means nothing.
module int_dot (
  input  logic        [isa_pkg::FormatBits-1:0] format_i,
  input  logic        [isa_pkg::WordBits-1:0]   a_i,
  input  logic        [isa_pkg::WordBits-1:0]   b_i,
  output logic signed [isa_pkg::WordBits:0]       dot_o
);
  localparam integer Bits = isa_pkg::WordBits + 1;

  // Two multipliers are wide: they take the int16 elements, or the first two int8 ones.
  logic               is_int8;
  logic signed [15:0] a0, a1, b0, b1;
  logic signed [7:0]  a2, a3, b2, b3;
  logic signed [31:0] wide0, wide1, narrow;
  assign is_int8  = format_i == isa_pkg::FormatInt8;
  assign a0       = is_int8 ? 16'($signed(a_i[7:0])) : a_i[15:0];
  assign b0       = is_int8 ? 16'($signed(b_i[7:0])) : b_i[15:0];
  assign a1       = is_int8 ? 16'($signed(a_i[15:8])) : a_i[31:16];
  assign b1       = is_int8 ? 16'($signed(b_i[15:8])) : b_i[31:16];
  assign {a3, a2} = a_i[31:16];
  assign {b3, b2} = b_i[31:16];
  assign wide0    = 32'(a0) * 32'(b0);
  assign wide1    = 32'(a1) * 32'(b1);
  assign narrow   = is_int8 ? 32'(a2) * 32'(b2) + 32'(a3) * 32'(b3) : '0;
  assign dot_o    = Bits'(wide0) + Bits'(wide1) + Bits'(narrow);
endmodule
